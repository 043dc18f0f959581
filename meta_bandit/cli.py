"""The command ``meta-bandit``: what the package computes, from a shell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
import typer

from meta_bandit.files import find_place, only_one
from meta_bandit.theory import Estimator, Verdict, judge
from meta_bandit.worlds import GaussianBandit

if TYPE_CHECKING:
    from meta_bandit.agents import A2CConfig, TrainedAgents

Setting = TypeVar("Setting")

app = typer.Typer(
    help="When to learn and when to hard-code, on a two-armed Gaussian bandit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@contextmanager
def _bad_input_exits() -> Iterator[None]:
    """Say what is wrong with the input, or with the machine, and leave with status 2, or 1."""
    try:
        yield
    except BrokenPipeError:  # whoever read has read enough
        raise
    except (ValueError, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1 if isinstance(error, OSError) else 2) from None


@app.command()
def optimal(
    sigma_p: Annotated[float, typer.Option(help="Ecological uncertainty, > 0 (reward).")],
    sigma_l: Annotated[float, typer.Option(help="Task complexity, > 0 (reward).")],
    lifetime: Annotated[float, typer.Option(help="Pulls in one life, whole, >= 1.")] = 100,
    mean: Annotated[float, typer.Option(help="Prior mean of the risky arm (reward).")] = -1.0,
    estimator: Annotated[
        str, typer.Option(help="What a plan commits by: map, posterior mean; ml, sample mean.")
    ] = "map",
    thresholds: Annotated[
        bool, typer.Option("--thresholds", help="Also give the Bayes-optimal thresholds.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the optima of one task: explore then commit, never learning, and Bayes-optimal.

    LEARNING PAYS if the best committed plan explores and earns more than the best plan that never
    does, by its ADVANTAGE; CRITICAL LIFETIME is the shortest life in which that is so.
    """
    with _bad_input_exits():
        task = GaussianBandit(sigma_p, sigma_l, lifetime, mean)
        kind: Estimator = "ml" if estimator == "ml" else "map"
        if estimator != kind:
            raise ValueError(f"estimator = {estimator!r}: must be map or ml")
        found = judge(task, kind)
    result: dict[str, object] = {
        "optimal_pulls": found.optimal_pulls,
        "commit_value": found.commit_value,
        "never_value": found.never_value,
        "bayes_value": found.bayes_value,
        "bayes_error": found.bayes_error,
        "critical_lifetime": _pulls(found.critical_lifetime),
        "learning_pays": found.pays,
        "advantage": found.advantage,
    }
    if thresholds:
        result["thresholds"] = found.thresholds.tolist()
    typer.echo(json.dumps(result) if as_json else _in_words(task, kind, found, thresholds))


def _pulls(lifetime: float) -> int | None:
    return int(lifetime) if np.isfinite(lifetime) else None


def _in_words(task: GaussianBandit, kind: Estimator, found: Verdict, thresholds: bool) -> str:
    """Lay the result out for a person."""
    rows = [
        ("best committed plan", f"explore {found.optimal_pulls} pulls, then commit"),
        ("  its return", f"{found.commit_value:.6g}"),
        ("never learning earns", f"{found.never_value:.6g}"),
        ("other local optimum", _other_optimum(found)),
        ("Bayes-optimal return", f"{found.bayes_value:.6g} +- {found.bayes_error:.1g}"),
        ("critical lifetime", f"{_pulls(found.critical_lifetime) or 'beyond 2^53'} pulls"),
        ("learning pays", _why(task, found)),
    ]
    if kind == "ml":  # which has no other
        rows = [row for row in rows if row[0] != "other local optimum"]
    if thresholds:
        levels = " ".join(f"{level:.4g}" for level in found.thresholds)
        rows.append(("pull while the posterior mean after 0, 1, ... pulls is above", levels))
    return "\n".join(f"{name:<22} {text}" for name, text in rows)


def _other_optimum(found: Verdict) -> str:
    if found.other is None:
        return "none"
    if found.pays:
        return f"never learning (barrier: {float(found.other.barrier_value):.4g} on the way)"
    pulls, value = float(found.other.interior_pulls), float(found.other.interior_value)
    return f"explore {pulls:.4g} pulls (real n), worth {value:.6g}"


def _why(task: GaussianBandit, found: Verdict) -> str:
    more = "; it does for the adaptive (Bayes-optimal) policy" if found.adaptive_pays else ""
    return {
        "pays": f"yes, by {found.advantage:.3g}",
        "one-pull": "no: life has a single pull",
        "no-guide": "no: no sample mean is found to be a better guide than the prior mean",
        "too-little": "no: all that it could add is less than 1e-300 |m|",
        "predictable": "no (case 1): behaviour is predictable a priori, as "
        f"(T - 1) g(sigma_p) = {found.informed:.4g} <= {-float(task.mean):.4g} = |m|",
        "short-life": f"no (case 2): life is shorter than the critical lifetime{more}",
    }[found.reason]


# torch takes seconds to load: only the commands below import it, when they run


@app.command()
def train(
    sigma_p: Annotated[float, typer.Option(help="Ecological uncertainty, > 0 (reward).")],
    sigma_l: Annotated[float, typer.Option(help="Task complexity, > 0 (reward).")],
    lifetime: Annotated[float, typer.Option(help="Pulls in one life, whole, >= 1.")] = 100,
    mean: Annotated[float, typer.Option(help="Prior mean of the risky arm (reward).")] = -1.0,
    seed: Annotated[int, typer.Option(help="Whole number in [0, 2^64).")] = 0,
    config: Annotated[
        str, typer.Option(help="Named configuration: companion, plain, author-minimal or smoke.")
    ] = "companion",
    device: Annotated[str, typer.Option(help="auto, cpu, native or cuda.")] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="File for the trained agent (safetensors).")
    ] = None,
    lives: Annotated[int, typer.Option(help="Lives to measure the agent in, >= 1.")] = 20_000,
    force: Annotated[
        bool, typer.Option("--force", help="Train, and replace the file, even if it is there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train one agent on one task, and say how well it does.

    With --out a checkpoint is kept beside the file: after a stop the same command goes on from it.
    A file that holds this agent is only read; one that holds anything else stays.
    """
    with _bad_input_exits(), nullcontext() if out is None else only_one(find_place(out)):
        task = GaussianBandit([sigma_p], [sigma_l], [lifetime], [mean])
        _check_lives(lives)
        checkpoint = None if out is None else out.with_name(f"{out.name}.checkpoint")
        from meta_bandit import agents
        from meta_bandit.metadata import made_now

        settings = _named("config", config, agents.CONFIGURATIONS)
        if out is not None and out.exists() and not force:
            _report(_read_agent(out, task, seed, settings), lives, as_json)
            return
        trained = agents.train(task, [seed], settings, device, checkpoint=checkpoint, every=30.0)
        if out is not None and checkpoint is not None:
            trained.curve.attrs |= made_now()
            agents.save_agents(trained, out)
            checkpoint.unlink()
        _report(trained, lives, as_json)


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="Which of the named studies, such as quick.")],
    out: Annotated[
        Path | None, typer.Option(help="File for the dataset.", show_default="NAME.nc")
    ] = None,
    weights: Annotated[
        bool, typer.Option("--weights", help="Keep the agents, too, in NAME.safetensors beside it.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, native or cuda.")] = "auto",
    workers: Annotated[
        int | None, typer.Option(help="Processes, >= 1.", show_default="one for each core")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(help="Dask scheduler whose workers shall train, such as tcp://HOST:8786."),
    ] = None,
    sigma_p: Annotated[
        list[float] | None, typer.Option(help="Instead of the study's; give each value its own.")
    ] = None,
    sigma_l: Annotated[list[float] | None, typer.Option(help="The same.")] = None,
    lifetime: Annotated[list[int] | None, typer.Option(help="The same.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="The same.")] = None,
    config: Annotated[
        str | None, typer.Option(help="Named configuration, instead of the study's.")
    ] = None,
) -> None:
    """Train and measure the agents of a study, and write one labelled dataset.

    Beside the file a folder keeps what is finished: after a stop the same command goes on from it.
    Agents that the book looks into are kept without asking.
    """
    with _bad_input_exits():
        out = Path(f"{name}.nc") if out is None else out
        if not out.is_file():  # if it is, it is only read
            find_place(out)
        import joblib

        from meta_bandit import studies
        from meta_bandit.agents import CONFIGURATIONS

        chosen = _named("name", name, studies.STUDIES)
        grid = {"sigma_p": sigma_p, "sigma_l": sigma_l, "lifetime": lifetime, "seed": seed}
        changes: dict[str, Any] = {key: tuple(given) for key, given in grid.items() if given}
        if config is not None:
            changes["config"] = _named("config", config, CONFIGURATIONS)
        for key in changes.keys() - chosen.settings:
            raise ValueError(f"{key}: the study {name} has no such setting")
        processes = joblib.cpu_count() if workers is None else workers
        chosen = replace(chosen, **changes)
        dataset = studies.run(
            chosen, out, device, processes, dask=dask, weights=weights or chosen.keep
        )
    about = dataset.attrs
    typer.echo(
        f"{out}: {len(chosen.cells)} agents trained on {about['device']}, {about['date']}, "
        f"{about['wall_seconds']:.0f} s"
    )


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="What `train` wrote.")],
    lives: Annotated[int, typer.Option(help="Lives for each agent and policy, >= 1.")] = 20_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how well trained agents do, greedy and sampling, beside the optima of their task."""
    with _bad_input_exits():
        _check_lives(lives)
        from meta_bandit.agents import load_agents

        trained = load_agents(file)
        _report(trained, lives, as_json)


def _named(field: str, name: str, known: dict[str, Setting]) -> Setting:
    """Look a named setting up."""
    if name not in known:
        raise ValueError(f"{field} = {name!r}: must be one of {', '.join(known)}")
    return known[name]


def _read_agent(out: Path, task: GaussianBandit, seed: int, config: A2CConfig) -> TrainedAgents:
    """Read an agent that was trained before, and refuse any other file."""
    from meta_bandit.agents import load_agents

    try:
        trained = load_agents(out)
        same = (
            (trained.seeds.tolist(), trained.config) == ([seed], config)
            and trained.task.shape == task.shape
            and all(
                (value == task.values[name]).all() for name, value in trained.task.values.items()
            )
        )
    except ValueError:
        same = False
    if not same:
        raise ValueError(
            f"out = {out}: exists, and holds something else than this agent: write to another "
            "file, or replace it with --force"
        )
    return trained


def _check_lives(lives: int) -> None:
    if lives < 1:
        raise ValueError(f"lives = {lives}: must be a whole number >= 1")


def _report(trained: TrainedAgents, lives: int, as_json: bool) -> None:
    from meta_bandit.report import agent_in_words, report

    results = report(trained, lives)
    typer.echo(json.dumps(results) if as_json else "\n\n".join(map(agent_in_words, results)))


if __name__ == "__main__":
    app()
