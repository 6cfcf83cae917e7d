// libFuzzer target: any bytes may be opened as GGUF, and everything an opened file offers may then be used.
#include <cstdint>
#include <cstdlib>

#include "gguf/container.h"
#include "gguf/gguf.h"
#include "gguf/shards.h"
#include "gguf/verify.h"
#include "tensor/codec.h"

namespace {

using namespace gannet;

// What is computed must reach the outside, or the compiler may leave the accesses out.
volatile uint64_t sink;

void use_key(const GgufFile& file, std::string_view key) {
  uint64_t sum = 0;
  if (const auto v = file.get_uint(key)) sum += v->value_or(0);
  if (const auto v = file.get_int(key)) sum += static_cast<uint64_t>(v->value_or(0));
  if (const auto v = file.get_float(key)) sum += v->has_value();
  if (const auto v = file.get_bool(key)) sum += v->value_or(false);
  if (const auto v = file.get_string(key); v && v->has_value())
    for (const char c : **v) sum += static_cast<uint8_t>(c);
  if (const auto v = file.get_uint_array(key); v && v->has_value())
    for (const uint64_t n : **v) sum += n;
  if (const auto v = file.get_int_array(key); v && v->has_value())
    for (const int64_t n : **v) sum += static_cast<uint64_t>(n);
  if (const auto v = file.get_float_array(key); v && v->has_value())
    for (const double n : **v) sum += n > 0;
  if (const auto v = file.get_bool_array(key); v && v->has_value())
    for (const bool n : **v) sum += n;
  if (const auto v = file.get_string_array(key); v && v->has_value())
    for (const std::string_view text : (*v)->to_vector())
      for (const char c : text) sum += static_cast<uint8_t>(c);
  sink = sink + sum;
}

// Every row through the decoder: whatever the bytes, it must stay inside its tables.
void decode(const GgufTensor& tensor) {
  const DTypeInfo& info = dtype_info(tensor.dtype);
  if (!info.quantized && tensor.dtype != DType::kF16 && tensor.dtype != DType::kBF16) return;
  float values[256];
  const auto blocks = tensor.data.size() / static_cast<size_t>(info.block_bytes);
  for (size_t i = 0; i < blocks; ++i) {
    dequantize_row(tensor.dtype, tensor.data.data() + i * static_cast<size_t>(info.block_bytes), values,
                   info.block_elems);
    sink = sink + (values[0] > 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = GgufFile::parse({reinterpret_cast<const std::byte*>(data), size}, "fuzz.gguf");
  if (!file) {
    const std::string& message = file.error().message();
    if (file.error().code() != ErrorCode::kModelFile || message.find(" at byte ") == message.npos ||
        message.find('\n') != message.npos)
      std::abort();
    return 0;
  }
  const auto container = parse_container({reinterpret_cast<const std::byte*>(data), size}, "fuzz.gguf");
  if (const auto identity = shard_identity(*container, "fuzz.gguf"); identity && identity->has_value())
    sink = sink + (*identity)->count;
  for (const GgufEntry& entry : file->entries()) {
    if (file->find(entry.key) != &entry.value) std::abort();
    use_key(*file, entry.key);
    sink = sink + entry.value.text().size();
  }
  for (const GgufTensor& tensor : file->tensors()) {
    if (file->find_tensor(tensor.name) != &tensor) std::abort();
    if (tensor.data.data() < reinterpret_cast<const std::byte*>(data) ||
        tensor.data.data() + tensor.data.size() > reinterpret_cast<const std::byte*>(data) + size ||
        tensor.data.size() != static_cast<size_t>(tensor_bytes(tensor.dtype, tensor.shape)))
      std::abort();
    decode(tensor);
  }
  const auto report = verify_gguf(*file);
  if (!report) std::abort();
  sink = sink + report->bad.size();
  return 0;
}
