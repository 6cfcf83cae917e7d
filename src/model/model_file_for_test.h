// Small model files in memory for tests: starts as the complete published form of a shape, then single keys
// and tensors are changed to what a test is about.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "gguf/gguf.h"
#include "gguf/writer.h"
#include "model/shapes.h"
#include "model/weights.h"
#include "tensor/codec.h"

namespace gannet {

struct ModelFileForTest {
  struct Tensor {
    std::string name;
    DType dtype;
    Shape shape;
    std::vector<std::byte> bytes;
  };

  GgufBuilder keys;
  std::vector<Tensor> tensors;

  // The keys of `hp` and no tensor.
  static ModelFileForTest with_keys(const Hyperparameters& hp) {
    ModelFileForTest file;
    write_hyperparameters(hp, file.keys);
    return file;
  }

  // All keys and tensors of a shape, tensors as F32.
  static ModelFileForTest complete(const ModelShape& shape) {
    ModelFileForTest file = with_keys(shape.hp);
    for (const TensorSpec& spec : published_tensors(shape)) file.add(spec.name, DType::kF32, spec.shape);
    return file;
  }

  // A tensor whose values tell their place: value i of tensor t is t + i/1000, rounded as `dtype` does.
  void add(const std::string& name, DType dtype, const Shape& shape) {
    const auto n = static_cast<size_t>(shape.elements());
    std::vector<float> values(n);
    for (size_t i = 0; i < n; ++i)
      values[i] = static_cast<float>(tensors.size()) + static_cast<float>(i % 997) * 1e-3f;
    add(name, dtype, shape, values);
  }
  void add(const std::string& name, DType dtype, const Shape& shape, const std::vector<float>& values) {
    Tensor t{name, dtype, shape,
             std::vector<std::byte>(static_cast<size_t>(row_bytes(dtype, shape.elements())))};
    if (dtype == DType::kI32)
      std::memset(t.bytes.data(), 1, t.bytes.size());
    else
      quantize_row(dtype, values.data(), t.bytes.data(), shape.elements());
    tensors.push_back(std::move(t));
  }
  void remove(std::string_view name) {
    const auto removed = std::erase_if(tensors, [&](const Tensor& t) { return t.name == name; });
    ASSERT_EQ(removed, 1u) << name;
  }
  // Removes every tensor whose name begins so.
  void remove_all(std::string_view prefix) {
    const auto removed = std::erase_if(tensors, [&](const Tensor& t) { return t.name.starts_with(prefix); });
    ASSERT_GT(removed, 0u) << prefix;
  }
  Tensor& tensor(std::string_view name) {
    for (Tensor& t : tensors)
      if (t.name == name) return t;
    ADD_FAILURE() << "no tensor " << name;
    return tensors.front();
  }
  // Stores the tensor with another type and shape and new values.
  void replace(const std::string& name, DType dtype, const Shape& shape) {
    remove(name);
    add(name, dtype, shape);
  }

  // The whole file. Data sections are as aligned as the format's default asks for.
  const std::vector<std::byte>& encode() {
    GgufBuilder builder = keys;
    for (const Tensor& t : tensors) builder.add_tensor(t.name, t.dtype, t.shape);
    const auto layout = builder.layout().take();
    encoded_ = layout.header;
    encoded_.resize(layout.file_bytes);
    for (size_t i = 0; i < tensors.size(); ++i)
      std::memcpy(encoded_.data() + layout.header.size() + layout.tensors[i].offset, tensors[i].bytes.data(),
                  tensors[i].bytes.size());
    return encoded_;
  }

  // Valid until the next call or the end of this object.
  GgufFile parse() { return GgufFile::parse(encode(), "test.gguf").take(); }

  Result<Hyperparameters> read() { return read_hyperparameters(parse()); }

 private:
  std::vector<std::byte> encoded_;
};

inline ModelShape tiny_shape(Architecture arch, bool mtp = false, uint32_t n_layers = 4) {
  ShapeChanges changes;
  changes.arch = arch;
  changes.mtp = mtp;
  changes.n_layers = n_layers;
  return model_shape("tiny", changes).take();
}

}  // namespace gannet
