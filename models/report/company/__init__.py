"""The page and the plots of the company's figures."""
