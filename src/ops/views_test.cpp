// The address arithmetic of ops that only look at memory differently.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "ir/graph.h"
#include "ops/permute/permute.h"
#include "ops/reshape/reshape.h"
#include "ops/slice/slice.h"
#include "ops/state_view/state_view.h"

namespace gannet {
namespace {

// A contiguous F32 tensor of 0, 1, 2, ...
class Views : public testing::Test {
 protected:
  TensorView counting(const Shape& shape) {
    memory_.resize(static_cast<size_t>(shape.elements()));
    std::iota(memory_.begin(), memory_.end(), 0.0f);
    return contiguous_view(memory_.data(), DType::kF32, shape);
  }

  template <class A>
  static TensorView apply(const OpDef& op, const TensorView& x, const A& attrs) {
    const TensorType type{x.dtype, x.shape};
    OpSite site{&type, 1, nullptr, 0, &attrs};
    const std::vector<TensorType> result = op.infer(site).take();
    site.results = result.data();
    site.n_results = 1;
    const TensorView y = op.view(site, x);
    EXPECT_EQ(y.shape, result[0].shape);
    return y;
  }

  static TensorView reshaped(const TensorView& x, const Shape& shape) {
    ReshapeAttrs attrs{shape.rank, {1, 1, 1, 1}};
    for (int i = 0; i < shape.rank; ++i) attrs.dim[i] = shape.dim[i];
    return apply(kOp_reshape, x, attrs);
  }
  static TensorView sliced(const TensorView& x, int64_t axis, int64_t start, int64_t length) {
    return apply(kOp_slice, x, SliceAttrs{axis, start, length});
  }

  static TensorView permuted(const TensorView& x, std::initializer_list<int64_t> axes) {
    PermuteAttrs attrs{{0, 1, 2, 3}};
    std::copy(axes.begin(), axes.end(), attrs.axis);
    return apply(kOp_permute, x, attrs);
  }

  // All elements in axis order.
  static std::vector<float> read(const TensorView& x) {
    std::vector<float> values;
    for (int64_t r = 0; r < x.shape.rows(); ++r) {
      const std::byte* row = x.flat_row(r);
      for (int64_t i = 0; i < x.shape.last(); ++i)
        values.push_back(*reinterpret_cast<const float*>(row + i * x.stride[x.shape.rank - 1]));
    }
    return values;
  }

  std::vector<float> memory_;
};

TEST_F(Views, ReshapeKeepsTheOrderOfElements) {
  const TensorView x = counting(Shape(4, 6));
  for (const Shape& shape : {Shape(24), Shape(2, 12), Shape(4, 2, 3), Shape(2, 2, 2, 3), Shape(1, 4, 6),
                             Shape(4, 1, 6), Shape(4, 6, 1), Shape(24, 1)}) {
    const TensorView y = reshaped(x, shape);
    EXPECT_EQ(read(y), memory_);
    EXPECT_TRUE(is_contiguous(y));
  }
}

TEST_F(Views, SliceTakesAPartOfAnyAxis) {
  const TensorView x = counting(Shape(3, 4));
  EXPECT_EQ(read(sliced(x, 0, 1, 2)), (std::vector<float>{4, 5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(read(sliced(x, 1, 1, 2)), (std::vector<float>{1, 2, 5, 6, 9, 10}));
  EXPECT_EQ(read(sliced(sliced(x, 1, 1, 3), 1, 2, 1)), (std::vector<float>{3, 7, 11}));
}

// Query and gate of Qwen's gated attention: [t, heads * 2 d] -> [t, heads, 2 d] -> both halves of each head.
TEST_F(Views, ReshapeSplitsRowsOfASlice) {
  const TensorView x = counting(Shape(2, 12));
  const TensorView heads = reshaped(x, Shape(2, 3, 4));
  EXPECT_EQ(read(sliced(heads, 2, 0, 2)), (std::vector<float>{0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21}));
  EXPECT_EQ(read(sliced(heads, 2, 2, 2)), (std::vector<float>{2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23}));
  // The last part of each row, split into heads: the rows stay strided.
  const TensorView part = reshaped(sliced(x, 1, 8, 4), Shape(2, 2, 2));
  EXPECT_EQ(read(part), (std::vector<float>{8, 9, 10, 11, 20, 21, 22, 23}));
  EXPECT_FALSE(is_contiguous(part));
  // And back together.
  EXPECT_EQ(read(reshaped(part, Shape(2, 4))), read(part));
  // Axes of one element have no stride of their own.
  EXPECT_EQ(read(reshaped(sliced(x, 1, 8, 4), Shape(2, 1, 4))), read(part));
  EXPECT_EQ(read(reshaped(sliced(x, 0, 1, 1), Shape(3, 4))), read(sliced(x, 0, 1, 1)));
}

TEST_F(Views, PermuteReordersAxes) {
  const TensorView x = counting(Shape(2, 3));
  const TensorView y = permuted(x, {1, 0});
  EXPECT_EQ(read(y), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_FALSE(is_contiguous(y));
  EXPECT_EQ(read(permuted(y, {1, 0})), memory_);
  EXPECT_EQ(read(sliced(y, 1, 1, 1)), (std::vector<float>{3, 4, 5}));
  EXPECT_EQ(read(sliced(y, 0, 1, 2)), (std::vector<float>{1, 4, 2, 5}));

  const TensorView cube = counting(Shape(2, 3, 4));
  const TensorView turned = permuted(cube, {2, 0, 1});
  EXPECT_EQ(turned.shape, Shape(4, 2, 3));
  EXPECT_EQ(read(sliced(sliced(turned, 0, 3, 1), 1, 1, 1)), (std::vector<float>{15, 19, 23}));
  EXPECT_TRUE(is_contiguous(permuted(cube, {0, 1, 2})));
}

TEST_F(Views, StateViewIsTheMemoryOfTheState) {
  std::vector<float> memory{1, 2, 3, 4, 5, 6};
  const TensorType type{DType::kRecurrent, Shape(2, 3)};
  TensorView state;
  state.data = reinterpret_cast<std::byte*>(memory.data());
  state.dtype = type.dtype;
  state.shape = type.shape;
  const OpSite site{&type, 1, nullptr, 0, nullptr};
  EXPECT_EQ(kOp_state_view.infer(site).take(), (std::vector<TensorType>{{DType::kF32, Shape(2, 3)}}));
  const TensorView view = kOp_state_view.view(site, state);
  EXPECT_EQ(view.dtype, DType::kF32);
  EXPECT_TRUE(is_contiguous(view));
  EXPECT_EQ(read(view), memory);
}

TEST_F(Views, ReshapeAcrossAStrideIsABug) {
  const TensorView x = counting(Shape(2, 12));
  EXPECT_DEATH(reshaped(sliced(x, 1, 0, 6), Shape(12)), "reshape cuts across a stride");
}

TEST_F(Views, SliceOfBlocksCountsInBlocks) {
  std::vector<std::byte> bytes(static_cast<size_t>(4 * row_bytes(DType::kQ8_0, 96)));
  const TensorView x = contiguous_view(bytes.data(), DType::kQ8_0, Shape(4, 96));
  const TensorView y = sliced(x, 1, 32, 64);
  EXPECT_EQ(y.data - x.data, 34);
  EXPECT_EQ(y.stride[0], x.stride[0]);
  EXPECT_EQ(sliced(x, 0, 3, 1).data - x.data, 3 * 3 * 34);
}

TEST_F(Views, ImpossibleUsesSayWhy) {
  GraphBuilder builder("g");
  const ValueId x = builder.input("x", {DType::kF32, Shape(2, 12)});
  const auto error = [](auto make) {
    GraphBuilder b("g");
    const ValueId v = b.input("x", {DType::kF32, Shape(2, 12)}),
                  w = b.input("w", {DType::kQ8_0, Shape(2, 64)});
    make(b, v, w);
    return b.finish().error().message();
  };
  EXPECT_EQ(error([](auto& b, ValueId v, ValueId) { reshape(b, v, Shape(5, 5)); }),
            "graph g: reshape: F32[2, 12] has another number of elements than the target");
  EXPECT_EQ(error([](auto& b, ValueId v, ValueId) { slice(b, v, 2, 0, 1); }),
            "graph g: slice: F32[2, 12] has no axis 2");
  EXPECT_EQ(error([](auto& b, ValueId v, ValueId) { slice(b, v, 1, 8, 5); }),
            "graph g: slice: [8, +5) is outside axis 1 of F32[2, 12]");
  EXPECT_EQ(error([](auto& b, ValueId, ValueId w) { slice(b, w, 1, 16, 32); }),
            "graph g: slice: cuts a block");
  EXPECT_EQ(error([](auto& b, ValueId v, ValueId) { permute(b, v, {0}); }),
            "graph g: permute: 1 axes for F32[2, 12]");
  EXPECT_EQ(error([](auto& b, ValueId v, ValueId) {
              permute(b, v, {1, 1});
            }),
            "graph g: permute: 1 1 2 3 is no order of the axes of F32[2, 12]");
  EXPECT_EQ(error([](auto& b, ValueId, ValueId w) {
              permute(b, w, {1, 0});
            }),
            "graph g: permute: x is Q8_0[2, 64], must have elements of their own");
  EXPECT_EQ(builder.shape(slice(builder, x, 1, 8, 4)), Shape(2, 4));
}

}  // namespace
}  // namespace gannet
