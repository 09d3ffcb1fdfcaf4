"""Which objects of a bucket a policy names for the files of a stack's updates."""

from .._synth import checks

# A policy has to hold old and new ones, and the lists of several buckets.
_MOST = 10

WHY_MANY = (
    "the files are more than a policy has room for, or belong to an update that may outlive its declaration: readable "
    "is what has their folder and ending, or their bucket if these are too many as well"
)


class DeclaredObjects:
    """The keys of the objects of a bucket that are declared, and patterns for them that fit into a policy."""

    def __init__(self) -> None:
        self._one_by_one: set[str] = set()
        self._by_folder: set[str] = set()

    def add(self, key: str, *, stays: bool) -> None:
        """Add an object. One that ``stays`` is still read when other content is declared."""
        beside = _beside(key)
        self._one_by_one.add(beside if stays else key)
        self._by_folder.add(beside)

    @property
    def are_many(self) -> bool:
        """Whether there are too many for a policy to name them one by one."""
        return len(self._one_by_one) > _MOST

    def patterns(self, *, shared_bucket: bool) -> list[str]:
        """The objects one by one if they are few, else those of their folders and endings, else all.

        Raises ValueError instead of allowing all of a bucket in which others keep their files.
        """
        found = self._by_folder if self.are_many else self._one_by_one
        if len(found) <= _MOST:
            return sorted(found)
        if shared_bucket:
            raise ValueError(
                f"files of a stack must have at most {_MOST} endings, got {len(found)} of assets: name them alike, "
                "*.bin, so that permissions can be given by it"
            )
        return ["*"]


def _beside(key: str) -> str:
    """A pattern for an object and those beside it: the same folder, the same ending."""
    if not checks.known(key):
        return key
    folder, _, name = key.rpartition("/")
    ending = name.rpartition(".")[2] if "." in name else ""
    return f"{folder}/*{'.' + ending if ending else ''}".removeprefix("/")
