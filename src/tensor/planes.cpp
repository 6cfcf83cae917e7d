#include "tensor/planes.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "base/check.h"

namespace gannet {
namespace {

constexpr int64_t kAlign = 16;

struct PlaneType {
  DType type;
  std::span<const PlaneField> fields;
};

// The fields of blocks.h.
constexpr PlaneField kNibbles[] = {{2, 16, true}, {0, 2, false}};                         // qs, d
constexpr PlaneField kNibblesAndFifths[] = {{6, 16, true}, {2, 4, true}, {0, 2, false}};  // qs, qh, d
constexpr PlaneField kBytes[] = {{2, 32, true}, {0, 2, false}};                           // qs, d
constexpr PlaneField kNibblesAndByte[] = {{1, 16, true}, {0, 1, false}};                  // qs, e
// qs, hmask, scales, d
constexpr PlaneField kThrees[] = {{32, 64, true}, {0, 32, true}, {96, 12, false}, {108, 2, false}};
// ql, qh, scales, d
constexpr PlaneField kSixes[] = {{0, 128, true}, {128, 64, true}, {192, 16, false}, {208, 2, false}};

constexpr PlaneType kTypes[] = {
    {DType::kQ4_0, kNibbles}, {DType::kIQ4_NL, kNibbles},       {DType::kQ5_0, kNibblesAndFifths},
    {DType::kQ8_0, kBytes},   {DType::kMXFP4, kNibblesAndByte}, {DType::kQ3_K, kThrees},
    {DType::kQ6_K, kSixes},
};

const PlaneType* find(DType type) {
  const auto* at =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const PlaneType& t) { return t.type == type; });
  return at == std::end(kTypes) ? nullptr : at;
}

// Of a block.
int64_t wide_bytes(const PlaneType& type) {
  int64_t sum = 0;
  for (const PlaneField& field : type.fields) sum += field.wide ? field.bytes : 0;
  return sum;
}

// Pieces of one size, from some distance to another. The usual sizes are constants: copying is then a few
// instructions each.
template <size_t kBytes>
void copy_pieces(const std::byte* from, int64_t from_step, std::byte* to, int64_t to_step, int64_t n) {
  for (int64_t i = 0; i < n; ++i) std::memcpy(to + i * to_step, from + i * from_step, kBytes);
}
void copy_pieces(const std::byte* from, int64_t from_step, std::byte* to, int64_t to_step, int64_t n,
                 size_t bytes) {
  switch (bytes) {
    case 1:
      return copy_pieces<1>(from, from_step, to, to_step, n);
    case 2:
      return copy_pieces<2>(from, from_step, to, to_step, n);
    case 4:
      return copy_pieces<4>(from, from_step, to, to_step, n);
    case 12:
      return copy_pieces<12>(from, from_step, to, to_step, n);
    case 16:
      return copy_pieces<16>(from, from_step, to, to_step, n);
    case 32:
      return copy_pieces<32>(from, from_step, to, to_step, n);
    case 64:
      return copy_pieces<64>(from, from_step, to, to_step, n);
    case 128:
      return copy_pieces<128>(from, from_step, to, to_step, n);
    default:
      GANNET_CHECK(false, "a field of another size");
  }
}

// How a type's rows of some length lie.
struct Rows {
  const PlaneType& type;
  int64_t n_blocks, block_bytes, wide;  // wide: bytes of a row

  Rows(DType t, int64_t n)
      : type(*find(t)),
        n_blocks(n / dtype_info(t).block_elems),
        block_bytes(dtype_info(t).block_bytes),
        wide(n_blocks * wide_bytes(type)) {}
  int64_t bytes() const { return n_blocks * block_bytes; }
  // Calls f(byte of a block, first byte of the plane, size) for the wide fields, or the others.
  template <class F>
  void for_fields(bool are_wide, F f) const {
    int64_t plane = 0;
    for (const PlaneField& field : type.fields) {
      if (field.wide != are_wide) continue;
      f(field.at, plane, field.bytes);
      plane += n_blocks * field.bytes;
    }
  }
};

// Bytes of a row in front of where its planes begin.
int64_t lead_of(uintptr_t address) {
  return static_cast<int64_t>(-address % kAlign);
}

}  // namespace

std::span<const PlaneField> plane_fields(DType type) {
  const PlaneType* found = find(type);
  return found == nullptr ? std::span<const PlaneField>() : found->fields;
}

bool in_planes(DType type, int64_t n) {
  const PlaneType* found = find(type);
  if (found == nullptr) return false;
  const DTypeInfo& info = dtype_info(type);
  const int64_t most_lead = kAlign - std::gcd(kAlign, int64_t{info.block_bytes});
  return n % info.block_elems == 0 &&
         n / info.block_elems * (info.block_bytes - wide_bytes(*found)) >= most_lead;
}

void blocks_to_planes(DType type, int64_t n, std::span<const std::byte> from, std::byte* to,
                      uintptr_t address) {
  GANNET_CHECK(in_planes(type, n));
  const Rows rows(type, n);
  std::vector<std::byte> narrow(static_cast<size_t>(rows.bytes() - rows.wide));
  const int64_t end = std::ssize(from);
  GANNET_CHECK(end % rows.bytes() == 0, "rows are copied as a whole");
  for (int64_t at = 0; at < end; at += rows.bytes()) {
    const std::byte* row = from.data() + at;
    const int64_t lead = lead_of(address + static_cast<uintptr_t>(at));
    std::byte* planes = to + at + lead;
    rows.for_fields(true, [&](int64_t byte, int64_t plane, size_t size) {
      copy_pieces(row + byte, rows.block_bytes, planes + plane, static_cast<int64_t>(size), rows.n_blocks,
                  size);
    });
    rows.for_fields(false, [&](int64_t byte, int64_t plane, size_t size) {
      copy_pieces(row + byte, rows.block_bytes, narrow.data() + plane, static_cast<int64_t>(size),
                  rows.n_blocks, size);
    });
    const size_t before_end = narrow.size() - static_cast<size_t>(lead);
    std::memcpy(planes + rows.wide, narrow.data(), before_end);
    std::memcpy(to + at, narrow.data() + before_end, static_cast<size_t>(lead));
  }
}

}  // namespace gannet
