"""Do the tables keep the contract, and what do they give us?"""
