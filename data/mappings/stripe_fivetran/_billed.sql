-- The lines of the invoices that stand, each with its price.
select * from written where stands
