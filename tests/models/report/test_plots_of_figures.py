"""The plots of the company's figures where names are odd, or the history is short."""

from datetime import date

from data.figures.accounts.moves import AccountMoves
from data.figures.figures import figures_of
from data.ledger.rules import ExpansionRules
from models.report.company.plots_of_figures import plots_of
from models.report.drawing import svg
from tests.data.figures.drawing import drawn_figures
from tests.data.figures.test_moves import moves


def test_segments_that_are_called_by_their_amounts_are_words() -> None:
    tables = drawn_figures(
        accounts="""
            account_id | name | created_at | segment
            acme       | Acme | 2025-01-01 | $1M-$5M
            best       | Best | 2025-01-01 | $5_$10
        """,
        subscriptions="""
            account_id | product | plan | mrr | seats | valid_from
            acme       | core    | team | 100 | 10    | 2025-01-01
            best       | core    | team | 200 | 10    | 2025-01-01
        """,
    )
    drawn = {name: svg(plot).decode() for name, plot in plots_of(tables).items()}
    for name in ("time_to_expansion", "nrr_by_segment"):
        assert ">$1M-$5M<" in drawn[name]
        assert ">$5_$10<" in drawn[name]


def test_a_month_is_over_and_no_quarter() -> None:
    made = moves("""
        account_id | day        | movement_class | mrr
        acme       | 2026-01-10 | new            | 100
    """)
    tables = figures_of(AccountMoves(date(2026, 2, 15), made.rows, made.accounts), ExpansionRules(), 12)
    assert tables["cohorts"].empty
    assert list(tables["bridge"].query("dimension == 'all'").mrr_end_e4) == [1_000_000]
    assert all(svg(plot) for plot in plots_of(tables).values())
