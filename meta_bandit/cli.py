"""The command ``meta-bandit``: what the package computes, from a shell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import numpy as np
import typer

from meta_bandit.files import find_place, only_one
from meta_bandit.theory import (
    Estimator,
    bayes_optimal,
    commit_value,
    critical_lifetime,
    gain,
    learning_advantage,
    local_optima,
    optimal_commit,
)
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
        pulls, value = optimal_commit(task, kind)
        shortest = critical_lifetime(task, kind)
        never = commit_value(task, 0)
        advantage = float(learning_advantage(task, pulls, kind))
        best = bayes_optimal(task)
    result: dict[str, object] = {
        "optimal_pulls": int(pulls),
        "commit_value": float(value),
        "never_value": float(never),
        "bayes_value": float(best.value),
        "bayes_error": float(best.error),
        "critical_lifetime": int(shortest) if np.isfinite(shortest) else None,
        "learning_pays": advantage > 0,
        "advantage": advantage,
    }
    if thresholds:
        result["thresholds"] = best.thresholds.tolist()
    typer.echo(json.dumps(result) if as_json else _in_words(task, kind, result))


def _in_words(task: GaussianBandit, estimator: Estimator, result: dict[str, object]) -> str:
    """Lay the result out for a person."""
    rows = [
        ("best committed plan", f"explore {result['optimal_pulls']} pulls, then commit"),
        ("  its return", f"{result['commit_value']:.6g}"),
        ("never learning earns", f"{result['never_value']:.6g}"),
        ("other local optimum", _other_optimum(task, result)),
        ("Bayes-optimal return", f"{result['bayes_value']:.6g} +- {result['bayes_error']:.1g}"),
        ("critical lifetime", f"{result['critical_lifetime'] or 'beyond 2^53'} pulls"),
        ("learning pays", _verdict(task, estimator, result)),
    ]
    if estimator == "ml":
        # prop-foc: with the sample mean V falls from n = 0+ on or rises to its only maximum
        rows = [row for row in rows if row[0] != "other local optimum"]
    if "thresholds" in result:
        levels = " ".join(f"{level:.4g}" for level in np.asarray(result["thresholds"]))
        rows.append(("pull while the posterior mean after 0, 1, ... pulls is above", levels))
    return "\n".join(f"{name:<22} {text}" for name, text in rows)


def _other_optimum(task: GaussianBandit, result: dict[str, object]) -> str:
    optima = local_optima(task)
    if task.mean >= 0 or np.isnan(optima.interior_pulls):
        return "none"
    if result["learning_pays"]:
        return f"never learning (barrier: {float(optima.barrier_value):.4g} on the way)"
    pulls, value = float(optima.interior_pulls), float(optima.interior_value)
    return f"explore {pulls:.4g} pulls (real n), worth {value:.6g}"


def _verdict(task: GaussianBandit, estimator: Estimator, result: dict[str, object]) -> str:
    if result["learning_pays"]:
        return f"yes, by {result['advantage']:.3g}"
    if task.lifetime == 1:
        return "no: life has a single pull"
    if task.mean >= 0:
        if estimator == "ml":
            return "no: no sample mean is found to be a better guide than the prior mean"
        return "no: all that it could add is less than 1e-300 |m|"
    # what is within the error of 0 proves nothing
    adaptive = float(str(result["bayes_value"])) > float(str(result["bayes_error"]))
    more = "; it does for the adaptive (Bayes-optimal) policy" if adaptive else ""
    informed = float((task.lifetime - 1) * gain(task.mean, task.sigma_p))
    if informed <= -task.mean:
        return (
            "no (case 1): behaviour is predictable a priori, as "
            f"(T - 1) g(sigma_p) = {informed:.4g} <= {-float(task.mean):.4g} = |m|"
        )
    return f"no (case 2): life is shorter than the critical lifetime{more}"


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
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
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
def sweep(
    out: Annotated[Path, typer.Option(help="File for the dataset (NetCDF).")],
    profile: Annotated[str, typer.Option(help="Which of the named sweeps.")] = "quick",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[
        int | None, typer.Option(help="Processes, >= 1.", show_default="one for each core")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(help="Dask scheduler whose workers shall train, such as tcp://HOST:8786."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="File for the trained agents (safetensors).")
    ] = None,
) -> None:
    """Train agents on a grid of tasks, and write one labelled dataset.

    Beside the file a folder keeps what is finished: after a stop the same command goes on from it.
    """
    with _bad_input_exits():
        _place(out)
        import joblib

        from meta_bandit import sweep as sweeps

        grid = _named("profile", profile, sweeps.PROFILES)
        processes = joblib.cpu_count() if workers is None else workers
        if weights is not None and not out.is_file():
            find_place(weights, "weights")
        dataset = sweeps.run_sweep(grid, out, device, processes, dask=dask, weights=weights)
    about = dataset.attrs
    typer.echo(
        f"{out}: {len(grid.cells)} agents trained on {about['device']}, {about['date']}, "
        f"{about['wall_seconds']:.0f} s with {about['workers']} processes"
    )


@app.command()
def forage(
    out: Annotated[Path, typer.Option(help="File for the dataset (NetCDF).")],
    study: Annotated[str, typer.Option(help="Named study: forage or smoke.")] = "forage",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Train the agents of a foraging study, and write one dataset, the agents beside it.

    A folder beside the file keeps checkpoints: after a stop the same command goes on.
    """
    with _bad_input_exits():
        _place(out)
        from meta_bandit.foraging import study as studies

        chosen = _named("study", study, studies.STUDIES)
        dataset = studies.run_study(chosen, out, device)
    about = dataset.attrs
    typer.echo(
        f"{out}: {dataset.sizes['agent']} agents trained on {about['device']}, {about['date']}, "
        f"{about['wall_seconds']:.0f} s"
    )


@app.command()
def generalist(
    name: Annotated[str, typer.Argument(help="Which: every-lifetime, every-task or every-death.")],
    out: Annotated[Path, typer.Option(help="File for the trained agents (safetensors).")],
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Train agents that are dealt another task in every life, and measure them.

    What they earn goes to a dataset of the file's name, ending in .nc. Beside the file a checkpoint
    is kept: after a stop the same command goes on from it.
    """
    with _bad_input_exits():
        _place(out)
        from meta_bandit import sweep as sweeps

        chosen = _named("name", name, sweeps.GENERALISTS)
        trained = sweeps.run_generalist(chosen, out, device)
    about = trained.curve.attrs
    typer.echo(
        f"{out}: {len(trained.seeds)} agents trained on {about['device']}, {about['date']}, "
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


def _place(out: Path) -> None:
    """Find out whether a file can be written, unless it is there: then it is only read."""
    if not out.is_file():
        find_place(out)


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
