"""An XLSX is written anew, row by row, with what hangs on each."""
