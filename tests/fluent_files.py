"""What tests ask of folders with Fluent files: which texts there are, which values and parts each has, which the code names."""

import ast
from functools import cache
from pathlib import Path

from fluent.syntax import FluentParser, visitor
from fluent.syntax import ast as ftl


@cache
def messages(folder, language):
    """The texts of one file by their keys; a line that is not Fluent fails."""
    resource = FluentParser().parse((folder / f"{language}.ftl").read_text("utf-8"))
    assert not [entry for entry in resource.body if isinstance(entry, ftl.Junk)], "a line that is not Fluent"
    return {entry.id.name: entry for entry in resource.body if isinstance(entry, ftl.Message)}


class _Values(visitor.Visitor):
    def __init__(self):
        self.names, self.variants = set(), {}

    def visit_VariableReference(self, node):  # noqa: N802  # the library's name
        self.names.add(node.id.name)

    def visit_SelectExpression(self, node):  # noqa: N802
        keys = {variant.key.name for variant in node.variants if isinstance(variant.key, ftl.Identifier)}
        self.variants[node.selector.id.name] = keys
        self.generic_visit(node)


def values(message):
    seen = _Values()
    seen.visit(message)
    return seen


def parts(message):
    """Its attributes, such as `fix`."""
    return {attribute.id.name: attribute for attribute in message.attributes}


def strings_given_to(folder: Path, names):
    """Those that calls of `names` have as one of their first three arguments, whole, and beginnings of computed ones."""
    whole, beginnings = set(), set()
    for file in folder.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)):
            if getattr(call.func, "attr", getattr(call.func, "id", "")) in names:
                for argument in call.args[:3]:
                    found = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
                    whole |= {one.value for one in found if isinstance(one, ast.Constant) and isinstance(one.value, str)}
                    if isinstance(argument, ast.JoinedStr) and isinstance(argument.values[0], ast.Constant):
                        beginnings.add(argument.values[0].value)
    return whole, beginnings
