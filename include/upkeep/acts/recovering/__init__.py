"""What all recoveries share: their stages, their form, their row in the ledger, their measure."""
