# Count the rows of each era.
BEGIN { FS = ","; print "era,rows" }
NR == 1 { for (i = 1; i <= NF; i++) if ($i == "era") column = i; next }
!($column in rows) { order[++eras] = $column }
{ rows[$column]++ }
END { for (i = 1; i <= eras; i++) print order[i] "," rows[order[i]] }
