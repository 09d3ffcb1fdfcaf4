"""Wrong variants of a module's source, one change each, for ``tools.mutants``.

What only words a message is left alone: text with spaces, and everything inside of ``raise``.
"""

import ast
import copy
import enum
import importlib
import importlib.util
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_Changes = Iterator[tuple[ast.AST, str]]
_Slot = tuple[ast.AST, str, int | None]


@dataclass(frozen=True)
class Mutant:
    """A module with one change. The lines are those of the statement in the original source.

    ``runs_at_import``: the change is not in the body of a function.
    """

    lines: range
    change: str
    source: str
    runs_at_import: bool


def mutants(source: str, module: str) -> list[Mutant]:
    """Return the mutants of a module, whose name is needed to look up the constants that it imports."""
    tree = ast.parse(source)
    return list(_Mutator(tree, _siblings(tree, module)).mutants())


class _Mutator:
    def __init__(self, tree: ast.Module, siblings: Mapping[str, list[str]]) -> None:
        self._tree, self._siblings = tree, siblings
        self._in_function = False
        self._seen: dict[str, int] = {}

    def mutants(self) -> Iterator[Mutant]:
        yield from self._visit((self._tree, "", None), self._tree, [], "module", range(0))

    def _visit(self, slot: _Slot, node: ast.AST, above: list[ast.expr], scope: str, lines: range) -> Iterator[Mutant]:
        if _is_of_types(node):
            return
        if isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            above, lines = [], _own_lines(node, lines)
        for changed, note in self._changes(node):
            yield self._mutant(slot, node, changed, note, above, scope, lines)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            scope = node.name if scope == "module" else f"{scope}.{node.name}"
        around = [*above, node] if isinstance(node, ast.expr) else above
        outer = self._in_function
        for child_slot, child in _children(node):
            # Defaults of parameters run with the statement, only the body does not.
            self._in_function = outer or (isinstance(node, ast.FunctionDef) and child_slot[1] == "body")
            yield from self._visit(child_slot, child, around, scope, lines)
        self._in_function = outer

    def _changes(self, node: ast.AST) -> _Changes:
        yield from _RULES.get(type(node), _unchanged)(node)
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            for name in self._siblings.get(ast.unparse(node), []):
                yield ast.parse(name, mode="eval").body, ""

    def _mutant(
        self, slot: _Slot, node: ast.AST, changed: ast.AST, note: str, above: list[ast.expr], scope: str, lines: range
    ) -> Mutant:
        # A short expression is shown together with what is around it, unless that is long.
        shown = next((one for one in [node, *reversed(above)] if len(ast.unparse(one)) >= 20), node)
        shown = shown if len(ast.unparse(shown)) <= 100 else node
        before = ast.unparse(shown)
        _put(slot, changed)
        source = ast.unparse(ast.fix_missing_locations(self._tree))
        after = ast.unparse(changed if shown is node else shown)
        _put(slot, node)
        change = f"{scope}: {note or ' '.join(f'{before} → {after}'.split())}"
        self._seen[change] = count = self._seen.get(change, 0) + 1
        return Mutant(lines, change if count == 1 else f"{change} ({count})", source, not self._in_function)


def _put(slot: _Slot, node: ast.AST) -> None:
    parent, field, index = slot
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def _own_lines(node: Any, outer: range) -> range:
    """Return the lines of a statement without those of its body."""
    start = getattr(node, "lineno", None) or node.pattern.lineno
    body = getattr(node, "body", None)
    return range(start, max(body[0].lineno, start + 1) if isinstance(body, list) else node.end_lineno + 1)


# Not code that runs, or wording.
_SKIPPED_FIELDS = {"annotation", "returns", "decorator_list", "keys", "format_spec", "bases", "cause", "ctx"}
_SKIPPED_NODES = (ast.Raise, ast.Import, ast.ImportFrom, ast.Assert)


def _children(node: ast.AST) -> Iterator[tuple[_Slot, ast.AST]]:
    if isinstance(node, _SKIPPED_NODES) or _is_wording(node):
        return
    for field, value in ast.iter_fields(node):
        if field in _SKIPPED_FIELDS:
            continue
        for index, item in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(item, ast.AST) and not _is_docstring(item):
                yield (node, field, index), item


def _is_of_types(node: ast.AST) -> bool:
    """Return whether an expression only matters to type checkers: a type variable or arguments of a generic type."""
    is_variable = isinstance(node, ast.Call) and ast.unparse(node.func) == "TypeVar"
    return is_variable or (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple))


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_wording(node: ast.AST) -> bool:
    """Return whether an expression is text with spaces, or a constant of that kind."""
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]).endswith("_REASON")
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return any(isinstance(part, ast.Constant) and " " in str(part.value) for part in parts)


def _unchanged(_node: Any) -> _Changes:
    return iter(())


def _with(node: Any, **fields: Any) -> Any:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _without(node: Any, field: str) -> Iterator[tuple[Any, ast.AST]]:
    """Yield copies of a node that lack one item of a list, with that item."""
    items = getattr(node, field)
    for index, item in enumerate(items):
        yield _with(node, **{field: items[:index] + items[index + 1 :]}), item


_OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
_OTHER_CALL = {"min": "max", "max": "min", "any": "all", "all": "any"}


def _compare(node: ast.Compare) -> _Changes:
    for index, operator in enumerate(node.ops):
        yield _with(node, ops=[*node.ops[:index], _OTHER[type(operator)](), *node.ops[index + 1 :]]), ""


def _boolean(node: ast.BoolOp) -> _Changes:
    yield _with(node, op=_OTHER[type(node.op)]()), ""
    for changed, _ in _without(node, "values"):
        yield changed.values[0] if len(changed.values) == 1 else changed, ""


def _not(node: ast.UnaryOp) -> _Changes:
    if isinstance(node.op, ast.Not):
        yield node.operand, ""


def _arithmetic(node: ast.BinOp) -> _Changes:
    is_text = any(isinstance(side, ast.JoinedStr) or _is_text(side) for side in (node.left, node.right))
    if type(node.op) in _OTHER and not is_text:
        yield _with(node, op=_OTHER[type(node.op)]()), ""


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _constant(node: ast.Constant) -> _Changes:
    match node.value:
        case bool():
            yield ast.Constant(not node.value), ""
        case int() | float():
            for value in sorted({node.value * 2, node.value + 1} - {node.value}):
                yield ast.Constant(value), ""
        case str() if not _is_wording(node):
            yield ast.Constant(f"{node.value}X"), ""


def _dict(node: ast.Dict) -> _Changes:
    entries = list(zip(node.keys, node.values, strict=True))
    for index, (key, value) in enumerate(entries):
        others = entries[:index] + entries[index + 1 :]
        entry = f"**{ast.unparse(value)}" if key is None else f"{ast.unparse(key)}: {ast.unparse(value)}"
        yield ast.Dict([key for key, _ in others], [value for _, value in others]), f"without the entry {entry}"


def _members(node: ast.List | ast.Tuple | ast.Set) -> _Changes:
    if isinstance(node, ast.Set) or isinstance(node.ctx, ast.Load):
        for changed, item in _without(node, "elts"):
            yield changed, f"without {ast.unparse(item)} in {ast.unparse(node)}"


def _call(node: ast.Call) -> _Changes:
    for changed, item in _without(node, "keywords"):
        yield changed, f"without {ast.unparse(item)} of {ast.unparse(node.func)}"
    if isinstance(node.func, ast.Name) and node.func.id in _OTHER_CALL:
        yield _with(node, func=ast.Name(_OTHER_CALL[node.func.id], ast.Load())), ""


def _condition(node: Any) -> _Changes:
    """Negate a condition that no other rule negates."""
    negated = isinstance(node.test, (ast.UnaryOp, ast.Compare))
    if not negated or (isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], (ast.Lt, ast.Gt))):
        changed = _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        yield changed, f"if {ast.unparse(node.test)} → if not"


def _filters(node: ast.comprehension) -> _Changes:
    for changed, item in _without(node, "ifs"):
        yield changed, f"without if {ast.unparse(item)} in for {ast.unparse(node.target)}"


def _return(node: ast.Return) -> _Changes:
    # A caller that asks for False cannot tell it from None.
    if node.value is not None and ast.unparse(node.value) not in ("None", "False"):
        yield ast.Return(ast.Constant(None)), ""


def _statement(node: ast.stmt) -> _Changes:
    yield ast.Pass(), f"without {' '.join(ast.unparse(node).split())}"


def _assignment(node: ast.Assign) -> _Changes:
    if not isinstance(node.targets[0], (ast.Name, ast.Tuple)):
        yield from _statement(node)


def _handler(node: ast.ExceptHandler) -> _Changes:
    kind = "" if node.type is None else f" {ast.unparse(node.type)}"
    yield _with(node, body=[ast.Raise()]), f"without except{kind}"


_RULES: dict[type[ast.AST], Any] = {
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _not,
    ast.BinOp: _arithmetic,
    ast.Constant: _constant,
    ast.Dict: _dict,
    ast.List: _members,
    ast.Tuple: _members,
    ast.Set: _members,
    ast.Call: _call,
    ast.If: _condition,
    ast.IfExp: _condition,
    ast.While: _condition,
    ast.comprehension: _filters,
    ast.Return: _return,
    ast.Expr: _statement,
    ast.Raise: _statement,
    ast.AugAssign: _statement,
    ast.Continue: _statement,
    ast.Break: _statement,
    ast.Assign: _assignment,
    ast.ExceptHandler: _handler,
}


def _siblings(tree: ast.Module, module: str) -> dict[str, list[str]]:
    """Return for each constant that a module can name the constants of the same kind that a slip would name instead."""
    own = {
        node.targets[0].id: type(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper()
    }
    found = _next_ones("", {name: (kind, name) for name, kind in own.items() if not name.endswith("_REASON")})
    package = module.rpartition(".")[0]
    for statement in (node for node in tree.body if isinstance(node, ast.ImportFrom)):
        origin = importlib.util.resolve_name("." * statement.level + (statement.module or ""), package)
        if origin.startswith("cdk_iot_ota_handler"):
            for alias in statement.names:
                found |= _next_ones(f"{alias.name}.", _constants(origin, alias.name))
    return found


def _constants(origin: str, name: str) -> dict[str, tuple[type, Any]]:
    """Return the constants of a module or the members of an enum, with their types and values."""
    holder: Any = getattr(importlib.import_module(origin), name, None)
    if holder is None:
        holder = importlib.import_module(f"{origin}.{name}")
    if isinstance(holder, enum.EnumMeta):
        return {member: (holder, member) for member in holder.__members__}
    found = vars(holder).items() if isinstance(holder, types.ModuleType) else ()
    return {key: (type(value), value) for key, value in found if key.isupper()}


def _next_ones(prefix: str, constants: Mapping[str, tuple[type, Any]]) -> dict[str, list[str]]:
    """Return the next constant of the same type and another value for each; for numbers the previous one as well."""
    found: dict[str, list[str]] = {}
    for name, (kind, value) in constants.items():
        alike = [other for other, (its, _) in constants.items() if its is kind]
        start = alike.index(name)
        ways = (alike[start:] + alike[:start], alike[start::-1] + alike[:start:-1])[: 2 if kind is int else 1]
        nearest = [next((one for one in way if constants[one][1] != value), None) for way in ways]
        found[prefix + name] = [prefix + one for one in dict.fromkeys(nearest) if one is not None]
    return found
