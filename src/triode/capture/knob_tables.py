"""Knobs and their values as people write them in `capture.toml`, and as the rest of Triode holds them.

A switch is declared by its positions alone, a stepped knob by its steps or their number; a take's settings name a
switch's position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from triode.errors import OptionError
from triode.knobs import Knob, switch

MOST_STEPS = 1000


def knob_table(knob: Knob) -> dict[str, Any]:
    """The knob as a table of capture.toml."""
    if knob.positions and knob == switch(knob.name, knob.positions, knob.shown(knob.default)):
        return {"name": knob.name, "positions": list(knob.positions), "default": knob.shown(knob.default)}
    table = knob.in_model_file()
    if knob.steps:
        table["steps"] = list(knob.steps)
    if knob.positions:
        table["positions"] = list(knob.positions)
    return table


def settings_table(settings: Mapping[str, float], knobs: Sequence[Knob]) -> dict[str, float | str]:
    """A take's settings as a table of capture.toml: numbers, and names of positions."""
    by_name = {knob.name: knob for knob in knobs}
    return {
        name: by_name[name].shown(value) if name in by_name and by_name[name].positions else value
        for name, value in settings.items()
    }


def named_values_replaced(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document of capture.toml with steps counted, switches completed, names of positions as their values.

    What is not as expected stays for the validation that follows. Raises OptionError.
    """
    knobs, takes = document.get("knobs"), document.get("takes")
    if not isinstance(knobs, list):
        return dict(document)
    knobs = [_completed(table) if isinstance(table, dict) else table for table in knobs]
    positions = {table["name"]: _values_by_position(table) for table in knobs if _is_switch(table)}
    if isinstance(takes, list):
        takes = [_with_numbers(take, positions) for take in takes]
    return {**document, "knobs": knobs, **({} if takes is None else {"takes": takes})}


def _is_switch(table: Any) -> bool:
    return isinstance(table, dict) and isinstance(table.get("name"), str) and bool(_values_by_position(table))


def _values_by_position(table: Mapping[str, Any]) -> dict[str, Any]:
    names, steps = table.get("positions"), table.get("steps")
    if not isinstance(names, list | tuple) or not isinstance(steps, list | tuple):
        return {}
    return dict(zip(names, steps, strict=False)) if all(isinstance(name, str) for name in names) else {}


def _completed(table: dict[str, Any]) -> dict[str, Any]:
    """A knob's table with the fields of Knob: steps as a list, a switch with its range and a number as default."""
    names, steps, default = table.get("positions"), table.get("steps"), table.get("default")
    if isinstance(names, list) and names and steps is None and all(isinstance(name, str) for name in names):
        whole = switch(str(table.get("name", "")), names, default if isinstance(default, str) else None)
        numbers = {} if isinstance(default, str) or default is None else {"default": default}
        return {**asdict(whole), **{key: table[key] for key in ("low", "high", "unit") if key in table}, **numbers}
    if isinstance(steps, int) and not isinstance(steps, bool) and _has_range(table):
        table = {**table, "steps": _counted(table, steps)}
    return {**table, "default": _values_by_position(table).get(default, default)} if isinstance(default, str) else table


def _has_range(table: Mapping[str, Any]) -> bool:
    return all(isinstance(table.get(key, 0.0), int | float) for key in ("low", "high"))


def _counted(table: dict[str, Any], count: int) -> list[float]:
    """`count` steps at even distances of travel over the knob's range."""
    if not 2 <= count <= MOST_STEPS:
        raise OptionError(
            f"knob {table.get('name', '?')}: {count} steps: expected 2 to {MOST_STEPS}, or a list of them"
        )
    ends = {key: table[key] for key in ("low", "high", "taper") if key in table}
    plain = Knob("k", default=float(ends.get("low", 0.0)), **ends)
    inner = [round(plain.value(float(travel)), 9) for travel in np.linspace(0, 1, count)[1:-1]]
    return [plain.low, *inner, plain.high]


def _with_numbers(take: Any, positions: Mapping[str, Mapping[str, float]]) -> Any:
    if not isinstance(take, dict) or not isinstance(take.get("settings"), dict):
        return take
    settings = dict(take["settings"])
    for name, value in settings.items():
        if name in positions and isinstance(value, str):
            if value not in positions[name]:
                known = ", ".join(positions[name])
                raise OptionError(f"take {take.get('name')!r}, key settings: {name} has no position {value!r}: {known}")
            settings[name] = positions[name][value]
    return {**take, "settings": settings}
