"""An ABX test (Clark, JAES 30(5), 1982), one round after the other: is X the reference or the other sound?"""

import secrets

from triode.measure.listening import Answer, Trial

__all__ = ["AbxTest"]


class AbxTest:
    """The rounds of a trial of two sounds. In each X is drawn anew, and one answer is given."""

    def __init__(self, trial: Trial, rounds: int, listener: str) -> None:
        self.rounds = rounds
        self.answers: list[Answer] = []
        self._trial, self._listener = trial, listener
        self._draw()

    @property
    def round(self) -> int:
        """The round that is on, from 1."""
        return len(self.answers) + 1

    @property
    def finished(self) -> bool:
        """Whether all rounds are answered."""
        return len(self.answers) >= self.rounds

    def sound(self, letter: str) -> int:
        """Which sound of the trial `letter` (a, b or x) is in this round."""
        return "ab".index(self._x if letter == "x" else letter)

    def answer(self, letter: str) -> None:
        """X is `letter` (a or b), says the listener; the next round begins."""
        other = self._trial.conditions[1]
        given = f"X={self._x} answer={letter}"
        right = float(letter == self._x)
        self.answers.append(
            Answer(self._listener, "abx", self._trial.name, other.name, other.role, str(self.round), given, right)
        )
        self._draw()

    def _draw(self) -> None:
        # Unpredictable, so that no listener can know a seed's answers.
        self._x = secrets.choice("ab")
