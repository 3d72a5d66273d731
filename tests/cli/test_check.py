"""`dlp-gateway check`: all problems of all files at once, or the rules in force."""

from pathlib import Path

from tests.cli.conftest import Run, lines


def test_a_sound_configuration_is_told_in_sentences(run: Run) -> None:
    """Exit 0, and each rule in force in one line."""
    result = run("check")
    assert result.exit_code == 0
    assert "have no problems" in result.stdout
    assert "- Inside: corp.example." in result.stdout
    assert "- bulk-visible: If 10 or more" in result.stdout


def test_a_secret_that_cannot_be_read_is_a_problem_and_nothing_else(run: Run, config: Path) -> None:
    """It never says in one breath that there are none; with --json they stand where problems stand."""
    config.write_text(config.read_text().replace("tls: none", "tls: required, user: us, password_file: missing"))
    result = run("check")
    assert result.exit_code == 78
    assert "have 1 problem, told below.\n" in result.stdout
    assert "no problems" not in result.stdout
    assert result.stdout.count("\nproblem: ") == 1
    (shown,) = lines(run("check", "--json"))
    assert [one["level"] for one in shown["problems"]] == ["wrong"]


def test_settings_are_shown_with_defaults(run: Run) -> None:
    """What is not written is in force all the same."""
    assert "keep: 90d" in run("check", "--show").stdout
    (shown,) = lines(run("check", "--show", "--json"))
    assert shown["settings"]["custody"]["keep"] == "30d"
    assert shown["problems"] == []
    assert any(rule.startswith("bulk-visible") for rule in shown["rules"])


def test_problems_of_both_files_with_their_places(run: Run, config: Path) -> None:
    """Exit 78, file:line:column and a sentence for each; with --json one object a line."""
    config.write_text(config.read_text().replace("port: 2526", "prot: 2526"))
    (config.parent / "policy.yaml").write_text("version: 1\ninside: []\npacks: [bulk]\n")
    result = run("check")
    assert result.exit_code == 78
    assert result.stdout == ""
    told = result.stderr
    assert f"{config.name}:2:" in told
    assert "did you mean 'port'?" in told
    assert "policy.yaml:2:" in told
    assert "policy.yaml:3:9: There is no such pack" in told
    assert told.endswith(" problems found.\n")  # it would have started nothing
    result = run("check", "--json")
    assert result.exit_code == 78
    problems = lines(result)
    assert {"problem", "file", "line", "column"} == set(problems[0])
    assert len(problems) == len([line for line in told.splitlines() if ".yaml:" in line])


def test_the_configuration_is_found_as_documented(run: Run, config: Path, monkeypatch) -> None:  # noqa: ANN001
    """--config, then $DLP_GATEWAY_CONFIG, then ./gateway.yaml."""
    elsewhere = config.parent / "elsewhere"
    elsewhere.mkdir()
    moved = config.rename(elsewhere / "gateway.yaml")
    (config.parent / "policy.yaml").rename(elsewhere / "policy.yaml")
    assert run("check").exit_code == 78
    assert run("check", "--config", moved).exit_code == 0
    monkeypatch.setenv("DLP_GATEWAY_CONFIG", str(moved))
    assert run("check").exit_code == 0
    assert run("check", "--config", "missing.yaml").exit_code == 78


def test_control_characters_in_a_file_do_not_reach_the_terminal(run: Run, config: Path) -> None:
    """Keys and values are quoted in problems, never raw."""
    config.write_text('"\\e[2Jkey": 1\n' + config.read_text())
    result = run("check")
    assert result.exit_code == 78
    assert "\x1b" not in result.stderr


def test_warnings_come_after_the_rules_and_change_no_status(run: Run, config: Path) -> None:
    """What may be meant so is no fault; with --json it has a list of its own."""
    (config.parent / "policy.yaml").write_text("version: 1\nmode: observe\ninside: [corp.example]\n")
    result = run("check")
    assert result.exit_code == 0
    assert "\nwarning: policy: It says `mode: observe`: nothing is held or changed.\n" in result.stdout
    assert "- Observe mode: nothing is held" in result.stdout
    (told,) = lines(run("check", "--json"))
    assert told["mode"] == "observe"
    assert {
        "level": "warning",
        "about": "policy",
        "says": "It says `mode: observe`: nothing is held or changed.",
    } in told["warnings"]


def test_a_file_that_cannot_be_used_ends_with_78(run: Run, config: Path) -> None:
    """The grammar is right, but the gateway would not start."""
    config.write_text(config.read_text().replace("tls: none", "tls: required, user: gw, password_file: missing"))
    result = run("check")
    assert result.exit_code == 78
    assert "problem: smarthost 127.0.0.1: The password cannot be read from" in result.stdout


def test_what_does_not_work_now_ends_with_69(run: Run, config: Path) -> None:
    """--live tries each thing and says what to do; without it nothing is tried."""
    config.write_text(config.read_text().replace("port: 2526", "port: 9"))
    assert run("check").exit_code == 0
    result = run("check", "--live")
    assert result.exit_code == 69
    assert "problem: smarthost 127.0.0.1:9: It refuses the connection" in result.stdout
    assert "ok: disk: " in result.stdout
    assert "smarthost_unreachable" not in result.output
    (told,) = lines(run("check", "--live", "--json"))
    assert {one["level"] for one in told["live"]} == {"ok", "problem"}
    assert set(told["live"][0]) == {"level", "about", "says"}
