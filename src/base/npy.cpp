#include "base/npy.h"

#include <cstdio>
#include <cstring>

#include <fmt/core.h>

#include "base/checked.h"
#include "base/mapped_file.h"

namespace gannet {
namespace {

constexpr char kMagic[] = "\x93NUMPY\x01";  // and the terminator as minor version 0
constexpr size_t kPrefix = 10;              // magic, version, u16 header length

}  // namespace

Result<NpyMatrix> read_npy(const std::string& path) {
  const auto error = [&](const char* what) {
    return Error(ErrorCode::kRuntime, fmt::format("{}: {}", path, what));
  };
  const MappedFile file = GANNET_TRY(MappedFile::open(path));
  const auto bytes = file.bytes();
  if (bytes.size() < kPrefix || std::memcmp(bytes.data(), kMagic, 8) != 0)
    return error("is no .npy file of version 1.0");
  const size_t header_size = static_cast<size_t>(bytes[8]) | static_cast<size_t>(bytes[9]) << 8;
  if (bytes.size() - kPrefix < header_size) return error("ends inside its header");
  const std::string header(reinterpret_cast<const char*>(bytes.data()) + kPrefix, header_size);
  if (header.find("'<f4'") == std::string::npos || header.find("'fortran_order': False") == std::string::npos)
    return error("is not a row-major little-endian float32 array");
  NpyMatrix m;
  const size_t shape = header.find("'shape': (");
  long long rows = 0, columns = 0;
  if (shape == std::string::npos ||
      std::sscanf(header.c_str() + shape, "'shape': (%lld, %lld)", &rows, &columns) != 2 || rows < 0 ||
      columns < 0)
    return error("is not a matrix");
  const auto count = checked_mul(static_cast<uint64_t>(rows), static_cast<uint64_t>(columns));
  const size_t data = kPrefix + header_size;
  if (!count || *count > (bytes.size() - data) / sizeof(float)) return error("ends inside its data");
  m.rows = rows;
  m.columns = columns;
  m.values.resize(*count);
  std::memcpy(m.values.data(), bytes.data() + data, *count * sizeof(float));
  return m;
}

Result<NpyWriter> NpyWriter::create(const std::string& path, int64_t rows, int64_t columns) {
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  header.append(63 - (kPrefix + header.size()) % 64, ' ');  // data begins at a multiple of 64
  header += '\n';
  AtomicFile file =
      GANNET_TRY(AtomicFile::create(path, static_cast<uint64_t>(rows * columns) * sizeof(float) + 128));
  const unsigned char length[2] = {static_cast<unsigned char>(header.size()),
                                   static_cast<unsigned char>(header.size() >> 8)};
  GANNET_TRY(file.write(kMagic, 8));
  GANNET_TRY(file.write(length, 2));
  GANNET_TRY(file.write(header.data(), header.size()));
  return NpyWriter(std::move(file), rows, columns);
}

Result<void> NpyWriter::append(const float* values, int64_t n_rows) {
  GANNET_CHECK(n_rows <= rows_left_);
  rows_left_ -= n_rows;
  return file_.write(values, static_cast<size_t>(n_rows * columns_) * sizeof(float));
}

Result<void> NpyWriter::finish() {
  GANNET_CHECK(rows_left_ == 0);
  return file_.commit();
}

}  // namespace gannet
