"""Code without what decides nothing: docstrings, annotations, the texts of a verdict and what is for them alone."""

import ast

VERDICTS = "Verdict", "replace"  # calls that make a verdict
TEXTS = {1: "condition", 2: "alt"}  # what of it is words, by its place


class Bare(ast.NodeTransformer):
    """Takes out of code what decides nothing: docstrings, annotations, a verdict's texts and what is for them alone."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Take them out of a function."""
        self.generic_visit(node)
        node.returns = None
        _without_docstring(node)
        while _without_unread(node):
            pass
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Take them out of a class."""
        self.generic_visit(node)
        _without_docstring(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Take the annotation of an argument."""
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Take the annotation of a variable; a field that has nothing else keeps its name."""
        self.generic_visit(node)
        node.annotation = ast.Name("Any", ast.Load())
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Take the texts of a verdict."""
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in VERDICTS:
            node.keywords = [each for each in node.keywords if each.arg not in TEXTS.values()]
            node.args = [
                each for place, each in enumerate(node.args) if name != VERDICTS[0] or place not in TEXTS
            ]
        return node


def _without_docstring(node: ast.FunctionDef | ast.ClassDef) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]


def _without_unread(node: ast.FunctionDef) -> bool:
    """Take out what is computed and never read, and return whether there was such."""
    read = {
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    }
    gone = False
    for each in ast.walk(node):
        for name in ("body", "orelse"):
            lines = getattr(each, name, None)
            if (
                isinstance(lines, list)
                and (kept := [line for line in lines if not _unread(line, read)]) != lines
            ):
                setattr(each, name, kept or ([ast.Pass()] if name == "body" else []))
                gone = True
    return gone


def _unread(line: ast.stmt, read: set[str]) -> bool:
    if not isinstance(line, ast.Assign):
        return False
    names = [
        each
        for target in line.targets
        for each in ast.walk(target)
        if isinstance(each, ast.Name | ast.Attribute | ast.Subscript)
    ]
    return all(isinstance(each, ast.Name) and each.id not in read for each in names)
