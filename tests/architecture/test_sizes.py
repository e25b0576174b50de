import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "recollect"
MOST_LINES_IN_A_MODULE = 400
MOST_LINES_IN_A_FUNCTION = 50


def test_modules_and_functions_stay_small() -> None:
    too_long: list[str] = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > MOST_LINES_IN_A_MODULE:
            too_long.append(f"{path}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MOST_LINES_IN_A_FUNCTION:
                    too_long.append(f"{path}:{node.lineno} {node.name}: {length} lines")
    assert not too_long, "\n".join(too_long)
