// What shaders have in common. A shader is given addresses: there are no descriptors. Numbers of rows and places are
// counted in elements, so tensors end below 2^32 of them.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference2 : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_8bit_storage : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_EXT_control_flow_attributes : enable

// The first constant of every pipeline.
layout(local_size_x_id = 0) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer F32 { float v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer U32 { uint v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer I32 { int v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer U16 { uint16_t v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 1) buffer I8 { int8_t v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 1) buffer U8 { uint8_t v[]; };

// A tensor of 4-byte elements: its axes but the last, slowest first and padded with ones in front, and how many
// elements lie between steps along them. Host side: kernel_arguments.h.
struct Tensor {
  F32 at;
  uint d1, d2;          // lengths of the second and third of the three leading axes
  uint s0, s1, s2, s3;  // s3: of the last axis
};

uint row_at(Tensor t, uint row) {
  return row / (t.d1 * t.d2) * t.s0 + row / t.d2 % t.d1 * t.s1 + row % t.d2 * t.s2;
}

// Groups of a dispatch in one number: there may be more than fit along one axis.
uint group_index() { return gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x; }
uint invocation_index() { return group_index() * gl_WorkGroupSize.x + gl_LocalInvocationID.x; }

float half_at(U16 p, uint i) { return unpackHalf2x16(uint(p.v[i])).x; }

// Of all invocations of the group, in an order that depends on nothing but sizes of groups and subgroups.
const uint kMostSubgroups = 64;
shared float kit_part[kMostSubgroups];

float group_sum(float x) {
  x = subgroupAdd(x);
  if (gl_NumSubgroups == 1) return x;
  barrier();  // what an earlier call left was read
  if (subgroupElect()) kit_part[gl_SubgroupID] = x;
  barrier();
  float sum = 0;
  for (uint i = 0; i < gl_NumSubgroups; ++i) sum += kit_part[i];
  return sum;
}

float group_max(float x) {
  x = subgroupMax(x);
  if (gl_NumSubgroups == 1) return x;
  barrier();
  if (subgroupElect()) kit_part[gl_SubgroupID] = x;
  barrier();
  float most = kit_part[0];
  for (uint i = 1; i < gl_NumSubgroups; ++i) most = max(most, kit_part[i]);
  return most;
}
