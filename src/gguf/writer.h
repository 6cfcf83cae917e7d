// Writing GGUF files (version 3, little-endian, one file). Two steps, because offsets stand before the data:
// a GgufBuilder collects metadata and tensor infos, then a GgufWriter streams the data, so that a file of any
// size needs the memory of one piece only. Knows the container; which keys a model needs is its caller's
// knowledge.
//
//   GgufBuilder builder;
//   builder.set_string("general.architecture", "qwen3");
//   builder.set_u32("qwen3.block_count", 28);
//   builder.add_tensor("output.weight", DType::kQ8_0, Shape(n_vocab, n_embd));
//   auto writer = GANNET_TRY(GgufWriter::create(path, builder));
//   GANNET_TRY(writer.write_part("output.weight", rows));  // as often as it takes
//   GANNET_TRY(writer.finish());
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/atomic_file.h"
#include "base/result.h"
#include "gguf/gguf.h"
#include "gguf/value.h"
#include "tensor/shape.h"

namespace gannet {

class GgufBuilder {
 public:
  // One number of type T: an integer of 8 to 64 bits, float, double or bool. Setting a key again replaces its
  // value in its place, whatever the old type was. "general.alignment" (u32) sets the alignment of the file.
  template <class T>
  void set_number(std::string_view key, T value);
  void set_u32(std::string_view key, uint32_t value) { set_number(key, value); }
  void set_i32(std::string_view key, int32_t value) { set_number(key, value); }
  void set_u64(std::string_view key, uint64_t value) { set_number(key, value); }
  void set_f32(std::string_view key, float value) { set_number(key, value); }
  void set_bool(std::string_view key, bool value) { set_number(key, value); }
  void set_string(std::string_view key, std::string_view value);

  // Arrays; T as above.
  template <class T>
  void set_numbers(std::string_view key, std::span<const T> values);
  void set_strings(std::string_view key, std::span<const std::string_view> values);
  void set_strings(std::string_view key, std::span<const std::string> values);

  // Copies a value as it is in another file, or all values of `file` whose key begins with `prefix`. The
  // split.* keys are left out: this writer makes one file.
  void copy(std::string_view key, const GgufValue& value);
  void copy_all(const GgufFile& file, std::string_view prefix = "");

  bool has(std::string_view key) const { return position_.contains(key); }

  // Tensors are stored in the order of these calls. `shape` is slowest axis first.
  void add_tensor(std::string name, DType dtype, const Shape& shape);

  struct TensorPlace {
    std::string name;
    DType dtype;
    Shape shape;
    uint64_t bytes = 0;
    uint64_t offset = 0;  // from the start of the data section
  };

  struct Layout {
    std::vector<std::byte> header;  // all before the data section, padding included
    std::vector<TensorPlace> tensors;
    uint64_t alignment = 0;
    uint64_t file_bytes = 0;  // header, data and the padding after every tensor
  };

  // The encoded header and the place of every tensor. Metadata is ordered general.architecture, general.*,
  // the model's keys, tokenizer.*, quantize.*; within a group in the order of the calls. Errors (kRuntime,
  // naming key or tensor): whatever GgufFile would refuse to read.
  Result<Layout> layout() const;

 private:
  struct Entry {
    std::string key;
    std::string bytes;               // type and value as they stand in the file
    bool text_within_limits = true;  // of every string in it
  };
  Entry& slot(std::string_view key);

  std::vector<Entry> entries_;
  std::map<std::string, size_t, std::less<>> position_;
  std::vector<TensorPlace> tensors_;
  uint64_t alignment_ = kGgufDefaultAlignment;  // 0 after a value of the wrong type
};

// Streams tensor data into PATH through an AtomicFile: until finish() the old PATH, if any, is untouched.
class GgufWriter {
 public:
  // Writes the header. Errors: what GgufBuilder::layout() says; kOutput (no space for the whole file, not
  // writable).
  static Result<GgufWriter> create(const std::string& path, const GgufBuilder& builder);

  // Bytes of the next tensor, whole or in pieces of any size. `name` must be the tensor whose turn it is and
  // the pieces must add up to its size: anything else is a bug of the caller and aborts.
  Result<void> write_part(std::string_view name, std::span<const std::byte> bytes);
  Result<void> write_tensor(std::string_view name, std::span<const std::byte> bytes);

  // Places the file under its name. All tensors must have been written.
  Result<void> finish();

 private:
  GgufWriter(AtomicFile file, GgufBuilder::Layout layout)
      : file_(std::move(file)), layout_(std::move(layout)) {}

  AtomicFile file_;
  GgufBuilder::Layout layout_;
  size_t next_ = 0;       // tensor whose turn it is
  uint64_t written_ = 0;  // its bytes so far
};

}  // namespace gannet
