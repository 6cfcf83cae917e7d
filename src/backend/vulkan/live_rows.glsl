// How many of the n rows of a value are in use: StepRows in backend/api/kernel.h, whose counts have 64 bits.
uint live_rows(U32 rows, uint n) {
  const bool all = rows.v[1] != 0 || n < rows.v[0];
  const bool of_another_kind = rows.v[5] == 0 && n > rows.v[4];
  return all || of_another_kind ? n : rows.v[0];
}
