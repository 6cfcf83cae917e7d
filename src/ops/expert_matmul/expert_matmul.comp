// Products of activations with weights of chosen experts: of few tokens choice by choice, of many by experts, which
// takes lists of who chose each, and where choices are summed a pass of its own for that.
#version 460
#extension GL_GOOGLE_include_directive : require
#ifdef DOTS
#extension GL_EXT_spirv_intrinsics : require
#endif
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step_rows.glsl"

#if defined(LISTS)
#include "ops/expert_matmul/lists.glsl"
#elif defined(TOTAL)
#include "ops/expert_matmul/total.glsl"
#else
#include "backend/vulkan/products.glsl"
#ifdef TILES
#include "ops/expert_matmul/tiles.glsl"
#else
#include "ops/expert_matmul/choices.glsl"
#endif
#endif
