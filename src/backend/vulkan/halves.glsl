// Floats of 32 bits as such of 16.

// A number that is none of 16 bits becomes the largest there is; what is not finite stays so.
vec4 in_half(vec4 x) {
  const vec4 most = vec4(65504.0);
  const bvec4 large = lessThan(abs(x), vec4(uintBitsToFloat(0x7F800000u)));
  return mix(x, clamp(x, -most, most), large);
}

uvec4 eight_halves(vec4 low, vec4 high) {
  return uvec4(packHalf2x16(low.xy), packHalf2x16(low.zw), packHalf2x16(high.xy), packHalf2x16(high.zw));
}
