// Rows of weights in planes, as tensor/planes.h says: read where kWideWeights is set. Behind the type's Weights.
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer WordPair { uvec2 v[]; };

struct PlaneRow {
  U8 row;
  U32x4 planes;  // `lead` bytes into the row
  uint lead, bytes;
};

uvec2 moved(uvec2 address, uint high, uint low) {
  uint carry;
  const uint sum = uaddCarry(address.x, low, carry);
  return uvec2(sum, address.y + high + carry);
}

PlaneRow plane_row(Weights w, uint row, uint bytes) {
  uint high, low;
  umulExtended(row, bytes, high, low);
  const uvec2 at = moved(uvec2(w), high, low);
  const uint lead = -at.x & 15u;
  return PlaneRow(U8(at), U32x4(moved(at, 0, lead)), lead, bytes);
}

// Of a narrow field: byte `at` of the planes, and two from an even one on.
uint narrow_place(PlaneRow r, uint at) { return at + r.lead - (at + r.lead < r.bytes ? 0 : r.bytes); }
uint narrow_byte(PlaneRow r, uint at) { return uint(r.row.v[narrow_place(r, at)]); }
uint narrow_bytes(PlaneRow r, uint at) { return uint(U16(r.row).v[narrow_place(r, at) / 2]); }
