// Rows of activations rounded to 8 bits as tensor/act8.h says, in an order of their own: of every block of 32 the codes
// in a row, and in other memory scale and scaled sum of the codes. An invocation takes a block.
layout(push_constant, scalar) uniform Arguments {
  F32 x;
  U32 codes;
  F32 scales;
  StepRows rows;
  uint n_in, n_tokens, per_token;  // rows are those of tokens, or several of each
  uint x_token, x_row;             // elements between tokens and between rows of one
} a;

void main() {
  const uint blocks = a.n_in / 32, block = invocation_index();
  const uint row = block / blocks, token = row / a.per_token;
  if (token >= live_of(a.rows, a.n_tokens)) return;
  const uint at = token * a.x_token + row % a.per_token * a.x_row + block % blocks * 32;
  float x[32], most = 0;
  bool finite = true;
  [[unroll]] for (uint i = 0; i < 32; ++i) {
    x[i] = a.x.v[at + i];
    most = max(most, abs(x[i]));
    finite = finite && abs(x[i]) < uintBitsToFloat(0x7F800000u);
  }
  const float inverse = most < 1e-30 ? 0.0 : 127.0 / most, scale = most < 1e-30 ? 0.0 : most / 127.0;
  int total = 0;
  [[unroll]] for (uint i = 0; i < 8; ++i) {
    uint word = 0;
    [[unroll]] for (uint j = 0; j < 4; ++j) {
      const int code = finite ? int(roundEven(x[4 * i + j] * inverse)) : 0;
      total += code;
      word |= (uint(code) & 255u) << 8 * j;
    }
    a.codes.v[8 * block + i] = word;
  }
  a.scales.v[2 * block] = finite ? scale : uintBitsToFloat(0x7FC00000u);
  a.scales.v[2 * block + 1] = finite ? scale * float(total) : uintBitsToFloat(0x7FC00000u);
}
