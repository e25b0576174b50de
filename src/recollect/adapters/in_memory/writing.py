"""A language model that needs no model: for tests and trials."""

from recollect.errors import LanguageModelUnavailable


class EchoModel:
    """Gives back the first words of a text, whatever it was told to do with it."""

    model = "echo"

    async def write(self, instructions: str, text: str, *, max_tokens: int) -> str:
        del instructions
        words = text.split()[:max_tokens]
        if not words:
            raise LanguageModelUnavailable("the echo has nothing to give back: send it some words")
        return " ".join(words)
