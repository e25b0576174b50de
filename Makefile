lock:
	uv pip compile --universal --generate-hashes --custom-compile-command 'make lock' pyproject.toml -o requirements/runtime.txt -q
	uv pip compile --universal --generate-hashes --custom-compile-command 'make lock' pyproject.toml --group dev --group build -o requirements/dev.txt -q
