#version 460
#extension GL_GOOGLE_include_directive : require
#include "ops/gated_delta_rule/delta.glsl"
#if defined(INPUTS)
#include "ops/gated_delta_rule/delta_inputs.glsl"
#elif defined(ROWS)
#include "ops/gated_delta_rule/delta_rows.glsl"
#elif defined(SOLVE)
#include "ops/gated_delta_rule/delta_solve.glsl"
#else
#include "ops/gated_delta_rule/delta_walk.glsl"
#endif
