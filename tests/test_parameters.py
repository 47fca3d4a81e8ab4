import dataclasses
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seco_core.errors import ParameterError
from seco_core.parameters import MaskParameters, Parameters, SccParameters, parameter_fields

DEFAULT = Parameters()


def other_value(item):
    """A value that a parameter may have and that is not its default."""
    rule, default = item.metadata, item.default
    if "choices" in rule:
        return next((c for c in rule["choices"] if c != default), default)
    if isinstance(default, str):
        return "a path"
    if isinstance(default, bool):
        return not default
    if isinstance(default, float):
        return (rule["minimum"] + rule["maximum"]) / 2 + 0.01
    return default + 1


def values(item):
    rule, default = item.metadata, item.default
    if "choices" in rule:
        return st.sampled_from(rule["choices"])
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, str):
        return st.text()
    if isinstance(default, float):
        return st.floats(rule.get("minimum", -1e9), rule.get("maximum", 1e9), allow_nan=False)
    return st.integers(rule.get("minimum"), rule.get("maximum", 10**6))


def test_every_parameter_is_documented_and_its_default_is_valid():
    fields = parameter_fields()
    assert len({name for name, _ in fields}) == len(fields)
    assert {name.split(".")[0] for name, _ in fields} == {f.name for f in dataclasses.fields(Parameters)}
    for name, item in fields:
        assert item.metadata["doc"], name
        if isinstance(item.default, float):
            assert "minimum" in item.metadata, name


def test_toml_of_the_defaults_explains_each_and_reads_back(tmp_path):
    text = DEFAULT.to_toml()
    for _, item in parameter_fields():
        assert f"# {item.metadata['doc']}\n{item.name} = " in text
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    assert Parameters.from_toml(path) == DEFAULT


@given(st.fixed_dictionaries({}, optional={name: values(item) for name, item in parameter_fields()}))
def test_any_parameters_survive_toml_and_dict(changes):
    parameters = DEFAULT.replace(**changes)
    assert Parameters.from_dict(parameters.to_dict()) == parameters
    assert Parameters.from_dict(tomllib.loads(parameters.to_toml())) == parameters


@pytest.mark.parametrize(("name", "item"), parameter_fields(), ids=lambda v: v if isinstance(v, str) else "")
def test_each_can_be_set_alone(name, item):
    value = other_value(item)
    changed = DEFAULT.replace(**{name: value})
    group, _, leaf = name.rpartition(".")
    assert getattr(getattr(changed, group) if group else changed, leaf) == value
    assert changed.replace(**{name: item.default}) == DEFAULT


def test_what_is_not_named_keeps_its_default():
    assert Parameters.from_dict({}) == DEFAULT
    got = Parameters.from_dict({"seed": 3, "scc": {"folds": 7}})
    assert got == Parameters(seed=3, scc=SccParameters(folds=7))


def test_a_file_changes_only_what_it_names(tmp_path):
    base = DEFAULT.replace(**{"seed": 4, "scc.folds": 3, "scc.epochs": 9})
    (tmp_path / "a.toml").write_text("[scc]\nfolds = 7\n")
    assert Parameters.from_toml(tmp_path / "a.toml", base) == base.replace(**{"scc.folds": 7})


def test_a_whole_number_will_do_for_a_fraction():
    tau = Parameters.from_dict({"scc": {"tau_ns": 1}}).scc.tau_ns
    assert (tau, type(tau)) == (1.0, float)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ({"sed": 1}, "no parameter sed"),
        ({"scc": {"fold": 1}}, r"no parameter scc\.fold"),
        ({"scc": 5}, r"\[scc\] must be a table"),
        ({"seed": "1"}, "seed must be of type int"),
        ({"seed": True}, "seed must be of type int"),
        ({"seed": 1.0}, "seed must be of type int"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": 2**32}, "seed must be at most 4294967295"),
        ({"scc": {"folds": 1}}, r"^[^:]*: scc\.folds must be at least 2"),
        ({"scc": {"tau_ns": 1.01}}, "tau_ns must be at most 1"),
        ({"scc": {"tau_ns": float("nan")}}, "tau_ns must be"),
        ({"scc": {"tau_ns": float("inf")}}, "tau_ns must be at most"),
        ({"scc": {"tau_ns": False}}, "tau_ns must be of type float"),
        ({"masks": {"source": "magic"}}, r"masks\.source cannot be 'magic'"),
        ({"masks": {"folder": 3}}, "folder must be of type str"),
        ({"device": ["cpu"]}, "device must be of type str"),
    ],
)
def test_errors_name_the_parameter_and_the_file(tmp_path, data, match):
    path = tmp_path / "config.toml"
    with pytest.raises(ParameterError, match=match) as error:
        Parameters.from_dict(data, path)
    assert error.value.path == path


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ParameterError) as error:
        Parameters.from_dict({"masks": {"sourc": "sam"}})
    assert all(f.name in error.value.remedy for f in dataclasses.fields(MaskParameters))


def test_errors_when_built_or_changed_directly():
    with pytest.raises(ParameterError, match="folds"):
        Parameters(scc=SccParameters(folds=0))
    for name in ("scc.fold", "sc.folds", "fold", "scc.folds.x"):
        with pytest.raises(ParameterError, match="no parameter"):
            DEFAULT.replace(**{name: 3})


def test_unreadable_files(tmp_path):
    (tmp_path / "a.toml").write_text("seed = ")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    missing = "cannot be read: No such file"
    for name, said in {"a.toml": "as TOML", "b.toml": "as TOML", "missing.toml": missing}.items():
        with pytest.raises(ParameterError, match=said) as error:
            Parameters.from_toml(tmp_path / name)
        assert error.value.path == tmp_path / name
    (tmp_path / "c.toml").write_text("[scc]\nfolds = 0\n")
    with pytest.raises(ParameterError, match="folds") as error:
        Parameters.from_toml(tmp_path / "c.toml")
    assert error.value.path == tmp_path / "c.toml"
