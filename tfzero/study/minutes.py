"""Fits a study into the minutes given, and says what was dropped for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tfzero.common.arm import Arm
from tfzero.study.inits import read_init
from tfzero.study.inits.settings import Settings
from tfzero.study.planning.families import control_of, is_own, reads_pool
from tfzero.study.planning.looks import choose_looks
from tfzero.study.planning.plan import DEFAULT_ARMS, SCRATCH, StudyPlan
from tfzero.study.planning.resolve import resize_plan
from tfzero.study.verdict.pairing import MIN_SEEDS
from tfzero.study.work.estimate import Estimate, estimate_plan

# An arm is added as long as so many replicates of all arms are expected to fit: with fewer, a
# verdict is rare.
_ENOUGH_SEEDS = 5
# What an arm tells, beside a pretrained arm that is judged against training from scratch: an arm
# that reads the pool while it learns from labels answers two questions; scratch that trains for
# longer is no claim of its own.
_WORTH_OF_POOL, _WORTH_OF_LONG = 1.5, 0.3
# Pretraining is shortened to these shares of its passes, the last of which is the least.
_SHARES = (0.5, 0.25)


def fit_minutes(
    plan: StudyPlan,
    estimate: Estimate,
    *,
    minutes: float,
    workers: int,
    kept: Iterable[Arm] = (),
    shorten: bool = True,
) -> StudyPlan:
    """Returns the study that tells most within `minutes`, by what its jobs are expected to take.

    Always in are the arms to be kept, scratch/finetune, the cheapest pretrained arm, the cheapest
    one of a method that generates images, the cheapest one of an encoder that came ready, and the
    arms without a network, with 3 replicates. Then
    arms are added by what they tell per minute, as long as 5 replicates fit. Where something does
    not fit, its pretraining is shortened down to a quarter of its passes first. As many
    replicates as then fit are planned, up to those asked for.
    What was dropped is in the plan's `dropped`. The number of replicates is provisional: see
    `settle_seeds`. The plan may still take longer than the minutes, where what has to be in takes
    longer.

    Args:
        plan: What was asked for.
        estimate: Of this machine.
        minutes: From here to the verdict, report and export.
        workers: Processes that work at once.
        kept: Arms that were asked for by name.
        shorten: Whether pretraining may be shortened.
    """
    fitting = _Fitting(plan, estimate, 60 * minutes, workers, shorten)
    arms = fitting.start(set(kept))
    fitted = fitting.add_arms(fitting.shorten_all(fitting.plan_for(arms, _enough(plan))))
    fitted = fitting.add_seeds(fitted)
    # Without looks before the last seed, nothing can be decided by what the first seeds took.
    provisional = len(plan.looks) > 1
    return fitted.model_copy(
        update={"dropped": _name_dropped(plan, fitted), "provisional": provisional}
    )


def settle_seeds(
    plan: StudyPlan, asked: StudyPlan, expect: Callable[[StudyPlan], float], *, seconds: float
) -> StudyPlan:
    """Returns a provisional plan with as many replicates as fit, now that some were timed.

    Args:
        plan: Of which the seeds up to the first look are done.
        asked: What was asked for.
        expect: Returns the expected seconds of what is left of a plan, to its end.
        seconds: What may be left.
    """

    def resize(seeds: int) -> StudyPlan:
        return plan.model_copy(
            update={
                "looks": choose_looks(seeds),
                "encoders": None if asked.encoders is None else min(asked.encoders, seeds),
                "provisional": False,
            }
        )

    fitted = resize(plan.looks[0])
    for seeds in range(asked.seeds, plan.looks[0], -1):
        if expect(resize(seeds)) <= seconds:
            fitted = resize(seeds)
            break
    return fitted.model_copy(update={"dropped": _name_dropped(asked, fitted)})


def kept_arms(
    arms: Iterable[Arm], named: Iterable[str] | None, *, source_asked: bool = True
) -> list[Arm]:
    """Returns the arms of a plan that nothing may drop: those asked for, by name or by a source.

    Args:
        arms: Of the plan.
        named: As asked for; None for the default ones.
        source_asked: Whether the source was asked for, or is a default like the others.
    """
    if named is None and not source_asked:
        return []
    return [arm for arm in arms if named is not None or arm not in DEFAULT_ARMS]


def _enough(plan: StudyPlan) -> int:
    return min(plan.seeds, _ENOUGH_SEEDS)


class _Fitting:
    """A plan, and what may be made of it within some seconds."""

    def __init__(
        self, plan: StudyPlan, estimate: Estimate, seconds: float, workers: int, shorten: bool
    ):
        self.plan, self.estimate, self.workers = plan, estimate, workers
        self.most = seconds
        self.shares = _SHARES if shorten else ()

    def seconds(self, plan: StudyPlan) -> float:
        """Returns the expected seconds of a plan."""
        return estimate_plan(plan, self.estimate, workers=self.workers)

    def plan_for(self, arms: Iterable[Arm], seeds: int) -> StudyPlan:
        """Returns the whole plan with some of its arms, in its order."""
        wanted = set(arms)
        ordered = tuple(arm for arm in self.plan.arms if arm in wanted)
        counts = self.plan.label_counts
        return resize_plan(self.plan, arms=ordered, label_counts=counts, seeds=seeds)

    def start(self, kept: set[Arm]) -> set[Arm]:
        """Returns the arms that are in whatever they take."""
        arms = self.plan.arms
        without = {arm for arm in arms if not _trains_network(arm)}
        chosen = {arm for arm in arms if arm == SCRATCH or arm in kept} | without
        pretrained = [arm for arm in arms if _is_first_question(arm) and is_own(arm)]
        generative = [arm for arm in pretrained if read_init(arm.init).generates]
        # Often the largest gain there is, and its features are read once for all replicates.
        given = [arm for arm in arms if read_init(arm.init).is_given]
        for kind in (pretrained, generative, given):
            if not chosen & set(kind):
                chosen |= set(self._cheapest(kind, chosen))
        return chosen | _controls(chosen, arms)

    def _cheapest(self, arms: list[Arm], beside: set[Arm]) -> list[Arm]:
        def cost(arm: Arm) -> float:
            return self.seconds(self.plan_for({*beside, arm}, MIN_SEEDS))

        return [min(arms, key=cost)] if arms else []

    def shorten_all(self, plan: StudyPlan) -> StudyPlan:
        """Returns the plan with its pretraining as short as it must be for the fewest seeds."""
        least = min(plan.seeds, MIN_SEEDS)
        for share in (1.0, *self.shares):
            shorter = {word: each.shorten(share) for word, each in plan.pretraining.items()}
            if self.seconds(_resize(plan, least, shorter)) <= self.most:
                break
        return _resize(plan, plan.seeds, shorter)

    def add_arms(self, plan: StudyPlan) -> StudyPlan:
        """Returns the plan with the arms that fit, those first that tell most per minute."""
        left = [arm for arm in self.plan.arms if arm not in plan.arms]
        while left:
            before = self.seconds(plan)
            grown = {arm: self._with(plan, arm) for arm in left}
            costs = {arm: max(1e-3, self.seconds(grown[arm]) - before) for arm in left}
            best = max(left, key=lambda arm: _worth(arm) / costs[arm])
            left.remove(best)
            for candidate in (grown[best], *self._shorter(grown[best], plan)):
                if self.seconds(candidate) <= self.most:
                    plan = candidate
                    break
            left = [arm for arm in left if arm not in plan.arms]
        return plan

    def _with(self, plan: StudyPlan, arm: Arm) -> StudyPlan:
        """Returns the plan with one more arm and its control; what was shortened stays short."""
        more = {*plan.arms, arm}
        grown = self.plan_for(more | _controls(more, self.plan.arms), plan.seeds)
        return _resize(grown, grown.seeds, plan.pretraining)

    def _shorter(self, plan: StudyPlan, before: StudyPlan) -> list[StudyPlan]:
        """Returns the plan with less and less pretraining of what is new in it."""
        new = {w: each for w, each in plan.pretraining.items() if w not in before.pretraining}
        shortened = [{w: each.shorten(s) for w, each in new.items()} for s in self.shares]
        return [_resize(plan, plan.seeds, each) for each in shortened if each != new]

    def add_seeds(self, plan: StudyPlan) -> StudyPlan:
        """Returns the plan with as many replicates as fit, and no fewer than a verdict takes."""
        least = min(self.plan.seeds, MIN_SEEDS)
        for seeds in range(self.plan.seeds, least, -1):
            candidate = _resize(plan, seeds)
            if self.seconds(candidate) <= self.most:
                return candidate
        return _resize(plan, least)


def _resize(
    plan: StudyPlan, seeds: int, pretraining: Mapping[str, Settings] | None = None
) -> StudyPlan:
    return resize_plan(
        plan,
        arms=plan.arms,
        label_counts=plan.label_counts,
        seeds=seeds,
        pretraining=pretraining,
    )


def _trains_network(arm: Arm) -> bool:
    init = read_init(arm.init)
    return init.has_network


def _is_first_question(arm: Arm) -> bool:
    """Returns whether an arm is judged on what pretraining gives against training from scratch."""
    return read_init(arm.init).is_pretrained and not reads_pool(arm)


def _controls(arms: set[Arm], all_arms: tuple[Arm, ...]) -> set[Arm]:
    controls = {control for arm in arms if (control := control_of(arm)) is not None}
    return controls & set(all_arms)


def _worth(arm: Arm) -> float:
    if read_init(arm.init).largest_count_only:
        return _WORTH_OF_LONG
    return _WORTH_OF_POOL if reads_pool(arm) else 1.0


def _name_dropped(asked: StudyPlan, fitted: StudyPlan) -> tuple[str, ...]:
    dropped = [f"arm {arm}" for arm in asked.arms if arm not in fitted.arms]
    for word, settings in fitted.pretraining.items():
        whole = asked.pretraining[word]
        if settings.passes < whole.passes:
            dropped.append(f"{whole.passes - settings.passes} of {whole.passes} epochs of {word}")
    if fitted.seeds < asked.seeds:
        dropped.append(f"{asked.seeds - fitted.seeds} of {asked.seeds} seeds")
    return tuple(dropped)
