"""The page about the snapshot's fields: a table for each struct of `podprobe.model`, out of its own docstrings."""

from __future__ import annotations

import ast
from pathlib import Path

MODEL = Path(__file__).resolve().parent.parent / "podprobe" / "model"
_WORDS = {"str": "text", "int": "integer", "float": "number", "bool": "true or false"}
_HEAD = """# The snapshot's fields

What `podprobe snapshot -o json` writes, and each line of `podprobe watch`: one JSON document,
`podprobe.snapshot/v1`. The same as [JSON Schema](snapshot.schema.json), for programs.

Within v1 fields are added, never renamed or dropped. What is not known is `null`, never guessed; a list in which
nothing was found is empty, and [`visibility`](#visibility) says what could not be seen. Endpoints are text
(`127.0.0.1:5000`, `[::1]:5000`), keys of System V objects hexadecimal text, units are in the names
(`_bytes`, `_us`, `_ms`, `_ratio`), times are RFC 3339.

"""


def page() -> str:
    """Every struct that a snapshot holds, in the order in which one comes upon them."""
    structs, aliases = _read()
    order: dict[str, None] = {}

    def visit(name: str) -> None:
        order[name] = None
        for node in structs[name].body:
            for part in ast.walk(node.annotation) if isinstance(node, ast.AnnAssign) else ():
                if isinstance(part, ast.Name) and part.id in structs and part.id not in order:
                    visit(part.id)

    visit("Snapshot")
    return _HEAD + "\n".join(_table(structs[name], structs, aliases) for name in order)


def _read() -> tuple[dict[str, ast.ClassDef], dict[str, ast.expr]]:
    structs: dict[str, ast.ClassDef] = {}
    aliases: dict[str, ast.expr] = {}
    for path in sorted(MODEL.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                structs[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                aliases[node.targets[0].id] = node.value
    return structs, aliases


def _table(struct: ast.ClassDef, structs: dict[str, ast.ClassDef], aliases: dict[str, ast.expr]) -> str:
    rows = ["| field | holds | |", "|---|---|---|"]
    for number, node in enumerate(struct.body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            after = struct.body[number + 1] if number + 1 < len(struct.body) else None
            said = _text(after.value.value) if _is_text(after) else ""  # type: ignore[union-attr]
            rows.append(f"| `{node.target.id}` | {_holds(node.annotation, structs, aliases)} | {said} |")
    return f"## {struct.name}\n\n{_text(ast.get_docstring(struct) or '')}\n\n" + "\n".join(rows) + "\n"


def _is_text(node: ast.stmt | None) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _text(said: object) -> str:
    return " ".join(str(said).split()).replace("|", "\\|").replace("`None`", "`null`")


def _holds(node: ast.expr, structs: dict[str, ast.ClassDef], aliases: dict[str, ast.expr]) -> str:
    """A type, in words."""

    def words(inner: ast.expr) -> str:
        return _holds(inner, structs, aliases)

    match node:
        case ast.Constant(value=None):
            return "`null`"
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return f"{words(left)}, or {words(right)}"
        case ast.Name(id=name) if name in structs:
            return f"[{name}](#{name.lower()})"
        case ast.Name(id=name) if name in aliases:
            return words(aliases[name])
        case ast.Name(id=name):
            return _WORDS.get(name, name)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            values = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return ", ".join(f"`{value.value}`" for value in values if isinstance(value, ast.Constant))
        case ast.Subscript(
            value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[inner, ast.Constant(value=last)])
        ) if last is ...:
            return f"list of {words(inner)}"
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=inner)):
            return f"list: {', '.join(words(each) for each in inner)}"
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, inner])):
            return f"map to {words(inner)}"
    return ast.unparse(node)
