// How the larger tiles are shared out to groups of 128: fours of neighbouring outputs and rows, which are read from
// shared memory at once.
layout(constant_id = 1) const uint kTileRows = 64;  // or 32

const uint kTileOutputs = 64, kFoursAcross = kTileOutputs / 4;
const uint kOutputsEach = 4, kRowsEach = kTileRows / 8;

uint output_in_tile(uint j) { return 4 * (gl_LocalInvocationID.x % kFoursAcross) + j; }
uint row_in_tile(uint i) { return 4 * (gl_LocalInvocationID.x / kFoursAcross) + i % 4 + 32 * (i / 4); }

float sum[kRowsEach * kOutputsEach];
