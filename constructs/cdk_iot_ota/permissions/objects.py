"""Which objects of a bucket a policy names for the files of a stack's updates."""

from .. import checks
from .statements import MOST_RESOURCES, fitting

WHY_MANY = (
    "the files are more than a policy has room for, or belong to an update that is retained: readable is what lies "
    "beside them, in the same folder with the same ending"
)


class DeclaredObjects:
    """The keys of the objects that are declared, and patterns for them that fit into a policy."""

    def __init__(self) -> None:
        self._one_by_one: set[str] = set()
        self._by_folder: set[str] = set()

    def add(self, key: str, *, stays: bool) -> None:
        """Add an object. One that ``stays`` is still read when other content is declared."""
        beside = _beside(key)
        self._one_by_one.add(beside if stays else key)
        self._by_folder.add(beside)

    def patterns(self) -> list[str]:
        """The objects one by one if they are few, else those of their folders and endings, else all."""
        few = len(self._one_by_one) <= MOST_RESOURCES
        return fitting(self._one_by_one if few else self._by_folder)


def _beside(key: str) -> str:
    """A pattern for an object and those beside it: the same folder, the same ending."""
    if not checks.known(key):
        return key
    folder, _, name = key.rpartition("/")
    ending = name.rpartition(".")[2] if "." in name else ""
    return f"{folder}/*{'.' + ending if ending else ''}".removeprefix("/")
