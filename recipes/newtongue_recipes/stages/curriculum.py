"""The settings of the three stages, as one thing that can be changed, seeded and told."""

from dataclasses import dataclass, replace

from newtongue_recipes.settings import Map, Represent, Training, Tune


@dataclass(frozen=True)
class Curriculum:
    """What each stage is told."""

    represent: Represent
    map: Map
    tune: Tune

    def without_voice(self) -> "Curriculum":
        """The same with answers in a language spelled in the base's tokens."""
        return replace(self, tune=replace(self.tune, answer="base"))

    def seeded(self, seed: int) -> "Curriculum":
        """The same with another seed throughout; progress bars are the caller's."""

        def with_seed(training: Training) -> Training:
            return replace(training, seed=seed, extra={**training.extra, "disable_tqdm": True})

        words, toward, through = (one and with_seed(one) for one in (self.map.words, self.map.toward, self.map.through))
        return Curriculum(
            replace(self.represent, training=with_seed(self.represent.training)),
            replace(self.map, words=words, toward=toward, through=through),
            replace(self.tune, training=with_seed(self.tune.training)),
        )

    def stages(self) -> dict[str, Represent | Map | Tune]:
        """The settings by stage."""
        return {"represent": self.represent, "map": self.map, "tune": self.tune}

    def steps(self) -> dict[str, int]:
        """Steps of each training, by the name under which it is reported."""
        mapping = {f"map {name}": part.steps for name, part in self.map.parts.items()}
        return {"represent": self.represent.training.steps, **mapping, "tune": self.tune.training.steps}
