"""Pages."""


def report(dag_id, run_id):
    from upkeep.ledger import reads
    from upkeep.operators.ledger import ledger_engine

    return reads.report(ledger_engine(), dag_id, run_id)


def board(user):
    return "soon"
