// NumPy's .npy format, version 1.0, for float32 matrices in row-major order: the exchange format of logits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/result.h"

namespace gannet {

struct NpyMatrix {
  int64_t rows = 0, columns = 0;
  std::vector<float> values;  // [rows, columns]
};

// Reads a little-endian float32 array of rank 2. Errors: kRuntime naming the path and what is wrong.
Result<NpyMatrix> read_npy(const std::string& path);

// Streams a matrix row by row; the file appears with finish(). Errors: kOutput.
class NpyWriter {
 public:
  static Result<NpyWriter> create(const std::string& path, int64_t rows, int64_t columns);
  Result<void> append(const float* values, int64_t n_rows);
  Result<void> finish();  // all rows must have been appended

 private:
  NpyWriter(AtomicFile file, int64_t rows, int64_t columns)
      : file_(std::move(file)), rows_left_(rows), columns_(columns) {}
  AtomicFile file_;
  int64_t rows_left_, columns_;
};

}  // namespace gannet
