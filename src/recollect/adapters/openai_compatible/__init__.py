"""Models behind an API that speaks as OpenAI's does: OpenAI itself, Ollama, vLLM and others."""
