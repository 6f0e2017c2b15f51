-- One row for each currency whose amounts are not in cents: some have no smaller unit, and some have three places.
select code, parts from (values
    ('bif', 1.0), ('clp', 1.0), ('djf', 1.0), ('gnf', 1.0), ('jpy', 1.0), ('kmf', 1.0),
    ('krw', 1.0), ('mga', 1.0), ('pyg', 1.0), ('rwf', 1.0), ('ugx', 1.0), ('vnd', 1.0),
    ('vuv', 1.0), ('xaf', 1.0), ('xof', 1.0), ('xpf', 1.0), ('bhd', 1000.0), ('jod', 1000.0),
    ('kwd', 1000.0), ('omr', 1000.0), ('tnd', 1000.0)
) as of_currency (code, parts)
