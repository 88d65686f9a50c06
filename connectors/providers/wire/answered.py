"""What every vendor's 200 comes down to: an answer, or a failure that was paid for all the same."""

from dataclasses import dataclass, field

from connectors.providers.wire.meanings import DETAIL_MAX, masked, word
from schemas.attempts import ErrorClass, Usage
from streams.providers import answers
from streams.providers.ports import ProviderError, Reply


@dataclass(frozen=True)
class Answered:
    """Who answered and what it cost, whatever the answer is worth."""

    model: str
    usage: Usage | None
    request_id: str | None
    key: str = field(repr=False)

    def reply(self, text: str) -> Reply:
        """The answer in the text. Raises ProviderError: blocked, malformed."""
        try:
            answer = answers.parsed(text)
        except ProviderError as error:
            raise self.error(error.error_class, error.detail) from None
        return Reply(answer, self.model, self.usage, self.request_id)

    def error(
        self, error_class: ErrorClass, detail: str, *, code: str | None = None
    ) -> ProviderError:
        """Why there is no answer although we pay."""
        return ProviderError(
            error_class,
            word(masked(detail, self.key), DETAIL_MAX),
            code=word(masked(code, self.key)) if code else None,
            usage=self.usage,
            model=self.model,
            request_id=self.request_id,
        )


def billed_output(reported: int | None, total: int | None, prompt: int | None) -> int | None:
    """Output tokens to pay for: some report reasoning apart, and only the total has it."""
    if total is None or prompt is None:
        return reported
    return max(reported or 0, total - prompt)
