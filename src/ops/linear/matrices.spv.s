/* Written by scripts/shader_text.sh from these sources; not to be edited. */
/* sha256 16170826611fe3d89871f1bc3639dbdf436f447e969c9f7d85e0799fb3df0a41  src/ops/linear/matrices.comp */
/* sha256 6d812749560e56a80dd194cad613d0918838fa6f141292df8a2c6be4046bbc57  src/backend/vulkan/kit.glsl */
/* sha256 187ec06361aea6602dc22c500ffc0741b00ac1827cb163ad369afca8ffd8df97  src/backend/vulkan/step_rows.glsl */
.long 0x07230203,0x00010500,0x000d000b,0x0000036e,0x00000000
.long 0x00020011,0x00000001 /* OpCapability Shader */
.long 0x00020011,0x00000009 /* OpCapability Float16 */
.long 0x00020011,0x0000003d /* OpCapability GroupNonUniform */
.long 0x00020011,0x000014e1 /* OpCapability VulkanMemoryModel */
.long 0x00020011,0x000014e3 /* OpCapability PhysicalStorageBufferAddresses */
.long 0x00020011,0x00001786 /* OpCapability CooperativeMatrixKHR */
.long 0x0008000a,0x5f565053,0x5f52484b,0x706f6f63,0x74617265,0x5f657669,0x7274616d,0x00007869 /* OpExtension "SPV_KHR_cooperative_matrix" */
.long 0x0006000b,0x00000001,0x4c534c47,0x6474732e,0x3035342e,0x00000000 /* %1 = OpExtInstImport "GLSL.std.450" */
.long 0x0003000e,0x000014e4,0x00000003 /* OpMemoryModel PhysicalStorageBuffer64 Vulkan */
.long 0x000f000f,0x00000005,0x00000004,0x6e69616d,0x00000000,0x0000001e,0x00000026,0x000000a7,0x000000b5,0x000000ea,0x0000012c,0x00000158,0x000001f1,0x000001f6,0x0000024e /* OpEntryPoint GLCompute %4 "main" %gl_WorkGroupID %gl_NumWorkGroups %gl_LocalInvocationID %181 %SubgroupId %300 %344 %497 %SubgroupLocalInvocationId %SubgroupSize */
.long 0x00060010,0x00000004,0x00000011,0x00000001,0x00000001,0x00000001 /* OpExecutionMode %4 LocalSize 1 1 1 */
.long 0x00030047,0x00000011,0x00000002 /* OpDecorate %_struct_17 Block */
.long 0x00050048,0x00000011,0x00000000,0x00000023,0x00000000 /* OpMemberDecorate %_struct_17 0 Offset 0 */
.long 0x00050048,0x00000011,0x00000001,0x00000023,0x00000004 /* OpMemberDecorate %_struct_17 1 Offset 4 */
.long 0x00050048,0x00000011,0x00000002,0x00000023,0x00000008 /* OpMemberDecorate %_struct_17 2 Offset 8 */
.long 0x00050048,0x00000011,0x00000003,0x00000023,0x0000000c /* OpMemberDecorate %_struct_17 3 Offset 12 */
.long 0x00050048,0x00000011,0x00000004,0x00000023,0x00000010 /* OpMemberDecorate %_struct_17 4 Offset 16 */
.long 0x00050048,0x00000011,0x00000005,0x00000023,0x00000014 /* OpMemberDecorate %_struct_17 5 Offset 20 */
.long 0x00040047,0x0000001e,0x0000000b,0x0000001a /* OpDecorate %gl_WorkGroupID BuiltIn WorkgroupId */
.long 0x00040047,0x00000026,0x0000000b,0x00000018 /* OpDecorate %gl_NumWorkGroups BuiltIn NumWorkgroups */
.long 0x00040047,0x000000a7,0x0000000b,0x0000001b /* OpDecorate %gl_LocalInvocationID BuiltIn LocalInvocationId */
.long 0x00030047,0x000000ad,0x00000002 /* OpDecorate %_struct_173 Block */
.long 0x00050048,0x000000ad,0x00000000,0x00000023,0x00000000 /* OpMemberDecorate %_struct_173 0 Offset 0 */
.long 0x00050048,0x000000ad,0x00000001,0x00000023,0x00000008 /* OpMemberDecorate %_struct_173 1 Offset 8 */
.long 0x00050048,0x000000ad,0x00000002,0x00000023,0x00000010 /* OpMemberDecorate %_struct_173 2 Offset 16 */
.long 0x00050048,0x000000ad,0x00000003,0x00000023,0x00000018 /* OpMemberDecorate %_struct_173 3 Offset 24 */
.long 0x00050048,0x000000ad,0x00000004,0x00000023,0x00000020 /* OpMemberDecorate %_struct_173 4 Offset 32 */
.long 0x00050048,0x000000ad,0x00000005,0x00000023,0x00000028 /* OpMemberDecorate %_struct_173 5 Offset 40 */
.long 0x00050048,0x000000ad,0x00000006,0x00000023,0x0000002c /* OpMemberDecorate %_struct_173 6 Offset 44 */
.long 0x00050048,0x000000ad,0x00000007,0x00000023,0x00000030 /* OpMemberDecorate %_struct_173 7 Offset 48 */
.long 0x00050048,0x000000ad,0x00000008,0x00000023,0x00000034 /* OpMemberDecorate %_struct_173 8 Offset 52 */
.long 0x00050048,0x000000ad,0x00000009,0x00000023,0x00000038 /* OpMemberDecorate %_struct_173 9 Offset 56 */
.long 0x00040047,0x000000af,0x00000006,0x00000010 /* OpDecorate %_runtimearr_v4uint ArrayStride 16 */
.long 0x00030047,0x000000b0,0x00000002 /* OpDecorate %_struct_176 Block */
.long 0x00040048,0x000000b0,0x00000000,0x00000018 /* OpMemberDecorate %_struct_176 0 NonWritable */
.long 0x00050048,0x000000b0,0x00000000,0x00000023,0x00000000 /* OpMemberDecorate %_struct_176 0 Offset 0 */
.long 0x00040047,0x000000b2,0x00000006,0x00000004 /* OpDecorate %_runtimearr_float ArrayStride 4 */
.long 0x00030047,0x000000b3,0x00000002 /* OpDecorate %_struct_179 Block */
.long 0x00050048,0x000000b3,0x00000000,0x00000023,0x00000000 /* OpMemberDecorate %_struct_179 0 Offset 0 */
.long 0x00040047,0x000000ba,0x00000001,0x00000002 /* OpDecorate %186 SpecId 2 */
.long 0x00040047,0x000000c2,0x00000001,0x00000001 /* OpDecorate %194 SpecId 1 */
.long 0x00040047,0x000000ea,0x0000000b,0x00000028 /* OpDecorate %SubgroupId BuiltIn SubgroupId */
.long 0x00040047,0x000000fc,0x00000001,0x00000003 /* OpDecorate %252 SpecId 3 */
.long 0x00040047,0x000000fe,0x00000001,0x00000004 /* OpDecorate %254 SpecId 4 */
.long 0x00040047,0x00000146,0x00000001,0x00000000 /* OpDecorate %326 SpecId 0 */
.long 0x00040047,0x00000147,0x0000000b,0x00000019 /* OpDecorate %gl_WorkGroupSize BuiltIn WorkgroupSize */
.long 0x00040047,0x00000183,0x00000001,0x00000005 /* OpDecorate %387 SpecId 5 */
.long 0x00030047,0x000001f6,0x00000000 /* OpDecorate %SubgroupLocalInvocationId RelaxedPrecision */
.long 0x00040047,0x000001f6,0x0000000b,0x00000029 /* OpDecorate %SubgroupLocalInvocationId BuiltIn SubgroupLocalInvocationId */
.long 0x00030047,0x000001f7,0x00000000 /* OpDecorate %503 RelaxedPrecision */
.long 0x00030047,0x0000024e,0x00000000 /* OpDecorate %SubgroupSize RelaxedPrecision */
.long 0x00040047,0x0000024e,0x0000000b,0x00000024 /* OpDecorate %SubgroupSize BuiltIn SubgroupSize */
.long 0x00030047,0x0000024f,0x00000000 /* OpDecorate %591 RelaxedPrecision */
.long 0x00020013,0x00000002 /* %void = OpTypeVoid */
.long 0x00030021,0x00000003,0x00000002 /* %3 = OpTypeFunction %void */
.long 0x00040015,0x00000006,0x00000020,0x00000000 /* %uint = OpTypeInt 32 0 */
.long 0x00030027,0x00000010,0x000014e5 /* OpTypeForwardPointer %_ptr_PhysicalStorageBuffer__struct_17 PhysicalStorageBuffer */
.long 0x0008001e,0x00000011,0x00000006,0x00000006,0x00000006,0x00000006,0x00000006,0x00000006 /* %_struct_17 = OpTypeStruct %uint %uint %uint %uint %uint %uint */
.long 0x00040020,0x00000010,0x000014e5,0x00000011 /* %_ptr_PhysicalStorageBuffer__struct_17 = OpTypePointer PhysicalStorageBuffer %_struct_17 */
.long 0x00040017,0x0000001c,0x00000006,0x00000003 /* %v3uint = OpTypeVector %uint 3 */
.long 0x00040020,0x0000001d,0x00000001,0x0000001c /* %_ptr_Input_v3uint = OpTypePointer Input %v3uint */
.long 0x0004003b,0x0000001d,0x0000001e,0x00000001 /* %gl_WorkGroupID = OpVariable %_ptr_Input_v3uint Input */
.long 0x0004002b,0x00000006,0x0000001f,0x00000000 /* %uint_0 = OpConstant %uint 0 */
.long 0x00040020,0x00000020,0x00000001,0x00000006 /* %_ptr_Input_uint = OpTypePointer Input %uint */
.long 0x0004002b,0x00000006,0x00000023,0x00000001 /* %uint_1 = OpConstant %uint 1 */
.long 0x0004003b,0x0000001d,0x00000026,0x00000001 /* %gl_NumWorkGroups = OpVariable %_ptr_Input_v3uint Input */
.long 0x00020014,0x0000002e /* %bool = OpTypeBool */
.long 0x0004002b,0x00000006,0x00000030,0xffffffff /* %uint_4294967295 = OpConstant %uint 4294967295 */
.long 0x00040015,0x00000037,0x00000020,0x00000001 /* %int = OpTypeInt 32 1 */
.long 0x0004002b,0x00000037,0x00000038,0x00000000 /* %int_0 = OpConstant %int 0 */
.long 0x0004002b,0x00000037,0x0000003a,0x00000001 /* %int_1 = OpConstant %int 1 */
.long 0x00040020,0x0000003c,0x000014e5,0x00000006 /* %_ptr_PhysicalStorageBuffer_uint = OpTypePointer PhysicalStorageBuffer %uint */
.long 0x0004002b,0x00000037,0x0000004b,0x00000004 /* %int_4 = OpConstant %int 4 */
.long 0x0004002b,0x00000037,0x0000004d,0x00000005 /* %int_5 = OpConstant %int 5 */
.long 0x0004002b,0x00000037,0x00000068,0x00000002 /* %int_2 = OpConstant %int 2 */
.long 0x0004002b,0x00000037,0x0000006a,0x00000003 /* %int_3 = OpConstant %int 3 */
.long 0x0004002b,0x00000006,0x00000092,0x00000040 /* %uint_64 = OpConstant %uint 64 */
.long 0x0004003b,0x0000001d,0x000000a7,0x00000001 /* %gl_LocalInvocationID = OpVariable %_ptr_Input_v3uint Input */
.long 0x00030027,0x000000ab,0x000014e5 /* OpTypeForwardPointer %_ptr_PhysicalStorageBuffer__struct_176 PhysicalStorageBuffer */
.long 0x00030027,0x000000ac,0x000014e5 /* OpTypeForwardPointer %_ptr_PhysicalStorageBuffer__struct_179 PhysicalStorageBuffer */
.long 0x000c001e,0x000000ad,0x000000ab,0x000000ab,0x000000ac,0x000000ac,0x00000010,0x00000006,0x00000006,0x00000006,0x00000006,0x00000006 /* %_struct_173 = OpTypeStruct %_ptr_PhysicalStorageBuffer__struct_176 %_ptr_PhysicalStorageBuffer__struct_176 %_ptr_PhysicalStorageBuffer__struct_179 %_ptr_PhysicalStorageBuffer__struct_179 %_ptr_PhysicalStorageBuffer__struct_17 %uint %uint %uint %uint %uint */
.long 0x00040017,0x000000ae,0x00000006,0x00000004 /* %v4uint = OpTypeVector %uint 4 */
.long 0x0003001d,0x000000af,0x000000ae /* %_runtimearr_v4uint = OpTypeRuntimeArray %v4uint */
.long 0x0003001e,0x000000b0,0x000000af /* %_struct_176 = OpTypeStruct %_runtimearr_v4uint */
.long 0x00040020,0x000000ab,0x000014e5,0x000000b0 /* %_ptr_PhysicalStorageBuffer__struct_176 = OpTypePointer PhysicalStorageBuffer %_struct_176 */
.long 0x00030016,0x000000b1,0x00000020 /* %float = OpTypeFloat 32 */
.long 0x0003001d,0x000000b2,0x000000b1 /* %_runtimearr_float = OpTypeRuntimeArray %float */
.long 0x0003001e,0x000000b3,0x000000b2 /* %_struct_179 = OpTypeStruct %_runtimearr_float */
.long 0x00040020,0x000000ac,0x000014e5,0x000000b3 /* %_ptr_PhysicalStorageBuffer__struct_179 = OpTypePointer PhysicalStorageBuffer %_struct_179 */
.long 0x00040020,0x000000b4,0x00000009,0x000000ad /* %_ptr_PushConstant__struct_173 = OpTypePointer PushConstant %_struct_173 */
.long 0x0004003b,0x000000b4,0x000000b5,0x00000009 /* %181 = OpVariable %_ptr_PushConstant__struct_173 PushConstant */
.long 0x0004002b,0x00000037,0x000000b6,0x00000007 /* %int_7 = OpConstant %int 7 */
.long 0x00040020,0x000000b7,0x00000009,0x00000006 /* %_ptr_PushConstant_uint = OpTypePointer PushConstant %uint */
.long 0x00040032,0x00000006,0x000000ba,0x00000040 /* %186 = OpSpecConstant %uint 64 */
.long 0x00040032,0x00000006,0x000000c2,0x00000040 /* %194 = OpSpecConstant %uint 64 */
.long 0x0004002b,0x00000037,0x000000ca,0x00000006 /* %int_6 = OpConstant %int 6 */
.long 0x00040020,0x000000cc,0x00000009,0x00000010 /* %_ptr_PushConstant__ptr_PhysicalStorageBuffer__struct_17 = OpTypePointer PushConstant %_ptr_PhysicalStorageBuffer__struct_17 */
.long 0x0004003b,0x00000020,0x000000ea,0x00000001 /* %SubgroupId = OpVariable %_ptr_Input_uint Input */
.long 0x0004002b,0x00000006,0x000000ec,0x00000002 /* %uint_2 = OpConstant %uint 2 */
.long 0x00060034,0x00000006,0x000000ee,0x00000086,0x000000c2,0x000000ec /* %238 = OpSpecConstantOp %uint UDiv %194 %uint_2 */
.long 0x00060034,0x00000006,0x000000f3,0x00000086,0x000000ba,0x000000ec /* %243 = OpSpecConstantOp %uint UDiv %186 %uint_2 */
.long 0x00040032,0x00000006,0x000000fc,0x00000010 /* %252 = OpSpecConstant %uint 16 */
.long 0x00060034,0x00000006,0x000000fd,0x00000086,0x000000ee,0x000000fc /* %253 = OpSpecConstantOp %uint UDiv %238 %252 */
.long 0x00040032,0x00000006,0x000000fe,0x00000010 /* %254 = OpSpecConstant %uint 16 */
.long 0x00060034,0x00000006,0x000000ff,0x00000086,0x000000f3,0x000000fe /* %255 = OpSpecConstantOp %uint UDiv %243 %254 */
.long 0x00060034,0x00000006,0x00000100,0x00000084,0x000000fd,0x000000ff /* %256 = OpSpecConstantOp %uint IMul %253 %255 */
.long 0x0004002b,0x00000006,0x00000102,0x00000003 /* %uint_3 = OpConstant %uint 3 */
.long 0x00071168,0x00000103,0x000000b1,0x00000102,0x000000fc,0x000000fe,0x000000ec /* %259 = OpTypeCooperativeMatrixKHR %float %uint_3 %252 %254 %uint_2 */
.long 0x00060034,0x00000006,0x00000104,0x00000084,0x000000fd,0x000000ff /* %260 = OpSpecConstantOp %uint IMul %253 %255 */
.long 0x0004001c,0x00000105,0x00000103,0x00000104 /* %_arr_259_260 = OpTypeArray %259 %260 */
.long 0x00040020,0x00000106,0x00000007,0x00000105 /* %_ptr_Function__arr_259_260 = OpTypePointer Function %_arr_259_260 */
.long 0x0004002b,0x000000b1,0x00000109,0x00000000 /* %float_0 = OpConstant %float 0 */
.long 0x0004002c,0x00000103,0x0000010a,0x00000109 /* %266 = OpConstantComposite %259 %float_0 */
.long 0x00040020,0x0000010b,0x00000007,0x00000103 /* %_ptr_Function_259 = OpTypePointer Function %259 */
.long 0x0004002b,0x00000006,0x00000112,0x00000008 /* %uint_8 = OpConstant %uint 8 */
.long 0x0004002b,0x00000006,0x00000125,0x00000004 /* %uint_4 = OpConstant %uint 4 */
.long 0x00060034,0x00000006,0x00000126,0x00000084,0x000000c2,0x00000125 /* %294 = OpSpecConstantOp %uint IMul %194 %uint_4 */
.long 0x0004002b,0x00000006,0x00000128,0x00000005 /* %uint_5 = OpConstant %uint 5 */
.long 0x00060034,0x00000006,0x00000129,0x00000084,0x000000c2,0x00000128 /* %297 = OpSpecConstantOp %uint IMul %194 %uint_5 */
.long 0x0004001c,0x0000012a,0x000000ae,0x00000129 /* %_arr_v4uint_297 = OpTypeArray %v4uint %297 */
.long 0x00040020,0x0000012b,0x00000004,0x0000012a /* %_ptr_Workgroup__arr_v4uint_297 = OpTypePointer Workgroup %_arr_v4uint_297 */
.long 0x0004003b,0x0000012b,0x0000012c,0x00000004 /* %300 = OpVariable %_ptr_Workgroup__arr_v4uint_297 Workgroup */
.long 0x00040020,0x00000133,0x00000009,0x000000ab /* %_ptr_PushConstant__ptr_PhysicalStorageBuffer__struct_176 = OpTypePointer PushConstant %_ptr_PhysicalStorageBuffer__struct_176 */
.long 0x00040020,0x00000141,0x000014e5,0x000000ae /* %_ptr_PhysicalStorageBuffer_v4uint = OpTypePointer PhysicalStorageBuffer %v4uint */
.long 0x00040020,0x00000144,0x00000004,0x000000ae /* %_ptr_Workgroup_v4uint = OpTypePointer Workgroup %v4uint */
.long 0x00040032,0x00000006,0x00000146,0x00000001 /* %326 = OpSpecConstant %uint 1 */
.long 0x00060033,0x0000001c,0x00000147,0x00000146,0x00000023,0x00000023 /* %gl_WorkGroupSize = OpSpecConstantComposite %v3uint %326 %uint_1 %uint_1 */
.long 0x00060034,0x00000006,0x00000148,0x00000051,0x00000147,0x00000000 /* %328 = OpSpecConstantOp %uint CompositeExtract %gl_WorkGroupSize 0 */
.long 0x00060034,0x00000006,0x00000153,0x00000084,0x000000ba,0x00000125 /* %339 = OpSpecConstantOp %uint IMul %186 %uint_4 */
.long 0x00060034,0x00000006,0x00000155,0x00000084,0x000000ba,0x00000128 /* %341 = OpSpecConstantOp %uint IMul %186 %uint_5 */
.long 0x0004001c,0x00000156,0x000000ae,0x00000155 /* %_arr_v4uint_341 = OpTypeArray %v4uint %341 */
.long 0x00040020,0x00000157,0x00000004,0x00000156 /* %_ptr_Workgroup__arr_v4uint_341 = OpTypePointer Workgroup %_arr_v4uint_341 */
.long 0x0004003b,0x00000157,0x00000158,0x00000004 /* %344 = OpVariable %_ptr_Workgroup__arr_v4uint_341 Workgroup */
.long 0x0004002b,0x00000006,0x00000171,0x00000108 /* %uint_264 = OpConstant %uint 264 */
.long 0x00030016,0x00000182,0x00000010 /* %half = OpTypeFloat 16 */
.long 0x00040032,0x00000006,0x00000183,0x00000010 /* %387 = OpSpecConstant %uint 16 */
.long 0x00071168,0x00000184,0x00000182,0x00000102,0x000000fc,0x00000183,0x0000001f /* %388 = OpTypeCooperativeMatrixKHR %half %uint_3 %252 %387 %uint_0 */
.long 0x00040020,0x00000185,0x00000007,0x00000184 /* %_ptr_Function_388 = OpTypePointer Function %388 */
.long 0x0004001c,0x00000197,0x00000184,0x000000fd /* %_arr_388_253 = OpTypeArray %388 %253 */
.long 0x00040020,0x00000198,0x00000007,0x00000197 /* %_ptr_Function__arr_388_253 = OpTypePointer Function %_arr_388_253 */
.long 0x00071168,0x000001a7,0x00000182,0x00000102,0x00000183,0x000000fe,0x00000023 /* %423 = OpTypeCooperativeMatrixKHR %half %uint_3 %387 %254 %uint_1 */
.long 0x00060034,0x00000006,0x000001d8,0x00000086,0x00000183,0x00000112 /* %472 = OpSpecConstantOp %uint UDiv %387 %uint_8 */
.long 0x00060034,0x00000006,0x000001e8,0x00000084,0x000000fd,0x000000ff /* %488 = OpSpecConstantOp %uint IMul %253 %255 */
.long 0x00060034,0x00000006,0x000001ed,0x00000084,0x00000125,0x000000fc /* %493 = OpSpecConstantOp %uint IMul %uint_4 %252 */
.long 0x00060034,0x00000006,0x000001ee,0x00000084,0x000001ed,0x000000fe /* %494 = OpSpecConstantOp %uint IMul %493 %254 */
.long 0x0004001c,0x000001ef,0x000000b1,0x000001ee /* %_arr_float_494 = OpTypeArray %float %494 */
.long 0x00040020,0x000001f0,0x00000004,0x000001ef /* %_ptr_Workgroup__arr_float_494 = OpTypePointer Workgroup %_arr_float_494 */
.long 0x0004003b,0x000001f0,0x000001f1,0x00000004 /* %497 = OpVariable %_ptr_Workgroup__arr_float_494 Workgroup */
.long 0x00040020,0x000001f3,0x00000004,0x000000b1 /* %_ptr_Workgroup_float = OpTypePointer Workgroup %float */
.long 0x0004003b,0x00000020,0x000001f6,0x00000001 /* %SubgroupLocalInvocationId = OpVariable %_ptr_Input_uint Input */
.long 0x00060034,0x00000006,0x000001fe,0x00000084,0x000000fc,0x000000fe /* %510 = OpSpecConstantOp %uint IMul %252 %254 */
.long 0x0004002b,0x00000037,0x0000022f,0x00000009 /* %int_9 = OpConstant %int 9 */
.long 0x00040020,0x00000235,0x00000009,0x000000ac /* %_ptr_PushConstant__ptr_PhysicalStorageBuffer__struct_179 = OpTypePointer PushConstant %_ptr_PhysicalStorageBuffer__struct_179 */
.long 0x00040020,0x0000023e,0x000014e5,0x000000b1 /* %_ptr_PhysicalStorageBuffer_float = OpTypePointer PhysicalStorageBuffer %float */
.long 0x0004002b,0x00000037,0x00000246,0x00000008 /* %int_8 = OpConstant %int 8 */
.long 0x0004003b,0x00000020,0x0000024e,0x00000001 /* %SubgroupSize = OpVariable %_ptr_Input_uint Input */
.long 0x00050036,0x00000002,0x00000004,0x00000000,0x00000003 /* %4 = OpFunction %void None %3 */
.long 0x000200f8,0x00000005 /* %5 = OpLabel */
.long 0x0004003b,0x00000106,0x00000107,0x00000007 /* %263 = OpVariable %_ptr_Function__arr_259_260 Function */
.long 0x0004003b,0x00000198,0x00000199,0x00000007 /* %409 = OpVariable %_ptr_Function__arr_388_253 Function */
.long 0x000300f7,0x00000257,0x00000000 /* OpSelectionMerge %599 None */
.long 0x000300fb,0x0000001f,0x00000258 /* OpSwitch %uint_0 %600 */
.long 0x000200f8,0x00000258 /* %600 = OpLabel */
.long 0x00050041,0x00000020,0x000000a8,0x000000a7,0x0000001f /* %168 = OpAccessChain %_ptr_Input_uint %gl_LocalInvocationID %uint_0 */
.long 0x0004003d,0x00000006,0x000000a9,0x000000a8 /* %169 = OpLoad %uint %168 */
.long 0x00050041,0x000000b7,0x000000b8,0x000000b5,0x000000b6 /* %184 = OpAccessChain %_ptr_PushConstant_uint %181 %int_7 */
.long 0x0004003d,0x00000006,0x000000b9,0x000000b8 /* %185 = OpLoad %uint %184 */
.long 0x00050080,0x00000006,0x000000bb,0x000000b9,0x000000ba /* %187 = OpIAdd %uint %185 %186 */
.long 0x00050082,0x00000006,0x000000bc,0x000000bb,0x00000023 /* %188 = OpISub %uint %187 %uint_1 */
.long 0x00050086,0x00000006,0x000000bd,0x000000bc,0x000000ba /* %189 = OpUDiv %uint %188 %186 */
.long 0x00050041,0x00000020,0x00000264,0x0000001e,0x0000001f /* %612 = OpAccessChain %_ptr_Input_uint %gl_WorkGroupID %uint_0 */
.long 0x0004003d,0x00000006,0x00000265,0x00000264 /* %613 = OpLoad %uint %612 */
.long 0x00050041,0x00000020,0x00000266,0x0000001e,0x00000023 /* %614 = OpAccessChain %_ptr_Input_uint %gl_WorkGroupID %uint_1 */
.long 0x0004003d,0x00000006,0x00000267,0x00000266 /* %615 = OpLoad %uint %614 */
.long 0x00050041,0x00000020,0x00000268,0x00000026,0x0000001f /* %616 = OpAccessChain %_ptr_Input_uint %gl_NumWorkGroups %uint_0 */
.long 0x0004003d,0x00000006,0x00000269,0x00000268 /* %617 = OpLoad %uint %616 */
.long 0x00050084,0x00000006,0x0000026a,0x00000267,0x00000269 /* %618 = OpIMul %uint %615 %617 */
.long 0x00050080,0x00000006,0x0000026b,0x00000265,0x0000026a /* %619 = OpIAdd %uint %613 %618 */
.long 0x00050086,0x00000006,0x000000c1,0x0000026b,0x000000bd /* %193 = OpUDiv %uint %619 %189 */
.long 0x00050084,0x00000006,0x000000c3,0x000000c1,0x000000c2 /* %195 = OpIMul %uint %193 %194 */
.long 0x00050089,0x00000006,0x000000c7,0x0000026b,0x000000bd /* %199 = OpUMod %uint %619 %189 */
.long 0x00050084,0x00000006,0x000000c8,0x000000c7,0x000000ba /* %200 = OpIMul %uint %199 %186 */
.long 0x00050041,0x000000cc,0x000000cd,0x000000b5,0x0000004b /* %205 = OpAccessChain %_ptr_PushConstant__ptr_PhysicalStorageBuffer__struct_17 %181 %int_4 */
.long 0x0004003d,0x00000010,0x000000ce,0x000000cd /* %206 = OpLoad %_ptr_PhysicalStorageBuffer__struct_17 %205 */
.long 0x00050041,0x000000b7,0x000000d0,0x000000b5,0x000000ca /* %208 = OpAccessChain %_ptr_PushConstant_uint %181 %int_6 */
.long 0x0004003d,0x00000006,0x000000d1,0x000000d0 /* %209 = OpLoad %uint %208 */
.long 0x000300f7,0x000002be,0x00000000 /* OpSelectionMerge %702 None */
.long 0x000300fb,0x0000001f,0x00000287 /* OpSwitch %uint_0 %647 */
.long 0x000200f8,0x00000287 /* %647 = OpLabel */
.long 0x00050041,0x0000003c,0x0000028a,0x000000ce,0x00000038 /* %650 = OpAccessChain %_ptr_PhysicalStorageBuffer_uint %206 %int_0 */
.long 0x0006003d,0x00000006,0x0000028b,0x0000028a,0x00000002,0x00000008 /* %651 = OpLoad %uint %650 Aligned 8 */
.long 0x00050041,0x0000003c,0x0000028c,0x000000ce,0x0000003a /* %652 = OpAccessChain %_ptr_PhysicalStorageBuffer_uint %206 %int_1 */
.long 0x0006003d,0x00000006,0x0000028d,0x0000028c,0x00000002,0x00000004 /* %653 = OpLoad %uint %652 Aligned 4 */
.long 0x000500ab,0x0000002e,0x000002c3,0x0000028d,0x0000001f /* %707 = OpINotEqual %bool %653 %uint_0 */
.long 0x000600a9,0x00000006,0x000002c5,0x000002c3,0x00000030,0x0000028b /* %709 = OpSelect %uint %707 %uint_4294967295 %651 */
.long 0x00050041,0x0000003c,0x00000291,0x000000ce,0x00000068 /* %657 = OpAccessChain %_ptr_PhysicalStorageBuffer_uint %206 %int_2 */
.long 0x0006003d,0x00000006,0x00000292,0x00000291,0x00000002,0x00000008 /* %658 = OpLoad %uint %657 Aligned 8 */
.long 0x00050041,0x0000003c,0x00000293,0x000000ce,0x0000006a /* %659 = OpAccessChain %_ptr_PhysicalStorageBuffer_uint %206 %int_3 */
.long 0x0006003d,0x00000006,0x00000294,0x00000293,0x00000002,0x00000004 /* %660 = OpLoad %uint %659 Aligned 4 */
.long 0x000500ab,0x0000002e,0x000002c9,0x00000294,0x0000001f /* %713 = OpINotEqual %bool %660 %uint_0 */
.long 0x000600a9,0x00000006,0x000002cb,0x000002c9,0x00000030,0x00000292 /* %715 = OpSelect %uint %713 %uint_4294967295 %658 */
.long 0x00050041,0x0000003c,0x00000298,0x000000ce,0x0000004b /* %664 = OpAccessChain %_ptr_PhysicalStorageBuffer_uint %206 %int_4 */
.long 0x0006003d,0x00000006,0x00000299,0x00000298,0x00000002,0x00000008 /* %665 = OpLoad %uint %664 Aligned 8 */
.long 0x00050041,0x0000003c,0x0000029a,0x000000ce,0x0000004d /* %666 = OpAccessChain %_ptr_PhysicalStorageBuffer_uint %206 %int_5 */
.long 0x0006003d,0x00000006,0x0000029b,0x0000029a,0x00000002,0x00000004 /* %667 = OpLoad %uint %666 Aligned 4 */
.long 0x000500ab,0x0000002e,0x000002cf,0x0000029b,0x0000001f /* %719 = OpINotEqual %bool %667 %uint_0 */
.long 0x000600a9,0x00000006,0x000002d1,0x000002cf,0x00000030,0x00000299 /* %721 = OpSelect %uint %719 %uint_4294967295 %665 */
.long 0x000500ac,0x0000002e,0x0000029f,0x000000d1,0x000002d1 /* %671 = OpUGreaterThan %bool %209 %721 */
.long 0x000300f7,0x000002a6,0x00000000 /* OpSelectionMerge %678 None */
.long 0x000400fa,0x0000029f,0x000002a0,0x000002a6 /* OpBranchConditional %671 %672 %678 */
.long 0x000200f8,0x000002a0 /* %672 = OpLabel */
.long 0x000500b0,0x0000002e,0x000002a3,0x000002cb,0x000002c5 /* %675 = OpULessThan %bool %715 %709 */
.long 0x000600a9,0x00000006,0x000002a5,0x000002a3,0x0000001f,0x000000d1 /* %677 = OpSelect %uint %675 %uint_0 %209 */
.long 0x000200f9,0x000002be /* OpBranch %702 */
.long 0x000200f8,0x000002a6 /* %678 = OpLabel */
.long 0x000500b0,0x0000002e,0x000002a9,0x000000d1,0x000002d1 /* %681 = OpULessThan %bool %209 %721 */
.long 0x000300f7,0x000002af,0x00000000 /* OpSelectionMerge %687 None */
.long 0x000400fa,0x000002a9,0x000002aa,0x000002af /* OpBranchConditional %681 %682 %687 */
.long 0x000200f8,0x000002aa /* %682 = OpLabel */
.long 0x0006003d,0x00000006,0x000002ad,0x0000029a,0x00000002,0x00000004 /* %685 = OpLoad %uint %666 Aligned 4 */
.long 0x000500aa,0x0000002e,0x000002ae,0x000002ad,0x0000001f /* %686 = OpIEqual %bool %685 %uint_0 */
.long 0x000200f9,0x000002af /* OpBranch %687 */
.long 0x000200f8,0x000002af /* %687 = OpLabel */
.long 0x000700f5,0x0000002e,0x000002b0,0x000002a9,0x000002a6,0x000002ae,0x000002aa /* %688 = OpPhi %bool %681 %678 %686 %682 */
.long 0x000500b2,0x0000002e,0x000002b2,0x000000d1,0x00000092 /* %690 = OpULessThanEqual %bool %209 %uint_64 */
.long 0x000500a7,0x0000002e,0x000002b3,0x000002b0,0x000002b2 /* %691 = OpLogicalAnd %bool %688 %690 */
.long 0x000300f7,0x000002b8,0x00000000 /* OpSelectionMerge %696 None */
.long 0x000400fa,0x000002b3,0x000002b4,0x000002b8 /* OpBranchConditional %691 %692 %696 */
.long 0x000200f8,0x000002b4 /* %692 = OpLabel */
.long 0x0006003d,0x00000006,0x000002dc,0x0000028a,0x00000002,0x00000008 /* %732 = OpLoad %uint %650 Aligned 8 */
.long 0x0006003d,0x00000006,0x000002de,0x0000028c,0x00000002,0x00000004 /* %734 = OpLoad %uint %652 Aligned 4 */
.long 0x000500ab,0x0000002e,0x000002f6,0x000002de,0x0000001f /* %758 = OpINotEqual %bool %734 %uint_0 */
.long 0x000600a9,0x00000006,0x000002f8,0x000002f6,0x00000030,0x000002dc /* %760 = OpSelect %uint %758 %uint_4294967295 %732 */
.long 0x000500b0,0x0000002e,0x000002e2,0x000000d1,0x000002f8 /* %738 = OpULessThan %bool %209 %760 */
.long 0x000400a8,0x0000002e,0x000002e3,0x000002e2 /* %739 = OpLogicalNot %bool %738 */
.long 0x000300f7,0x000002ee,0x00000000 /* OpSelectionMerge %750 None */
.long 0x000400fa,0x000002e3,0x000002e4,0x000002ee /* OpBranchConditional %739 %740 %750 */
.long 0x000200f8,0x000002e4 /* %740 = OpLabel */
.long 0x0006003d,0x00000006,0x000002e9,0x00000298,0x00000002,0x00000008 /* %745 = OpLoad %uint %664 Aligned 8 */
.long 0x0006003d,0x00000006,0x000002eb,0x0000029a,0x00000002,0x00000004 /* %747 = OpLoad %uint %666 Aligned 4 */
.long 0x000500ab,0x0000002e,0x000002fc,0x000002eb,0x0000001f /* %764 = OpINotEqual %bool %747 %uint_0 */
.long 0x000600a9,0x00000006,0x000002fe,0x000002fc,0x00000030,0x000002e9 /* %766 = OpSelect %uint %764 %uint_4294967295 %745 */
.long 0x000500ac,0x0000002e,0x000002ed,0x000000d1,0x000002fe /* %749 = OpUGreaterThan %bool %209 %766 */
.long 0x000200f9,0x000002ee /* OpBranch %750 */
.long 0x000200f8,0x000002ee /* %750 = OpLabel */
.long 0x000700f5,0x0000002e,0x000002ef,0x000002e2,0x000002b4,0x000002ed,0x000002e4 /* %751 = OpPhi %bool %738 %692 %749 %740 */
.long 0x000600a9,0x00000006,0x000002f2,0x000002ef,0x000000d1,0x000002f8 /* %754 = OpSelect %uint %751 %209 %760 */
.long 0x000200f9,0x000002be /* OpBranch %702 */
.long 0x000200f8,0x000002b8 /* %696 = OpLabel */
.long 0x0006003d,0x00000006,0x00000309,0x0000028a,0x00000002,0x00000008 /* %777 = OpLoad %uint %650 Aligned 8 */
.long 0x0006003d,0x00000006,0x0000030b,0x0000028c,0x00000002,0x00000004 /* %779 = OpLoad %uint %652 Aligned 4 */
.long 0x000500ab,0x0000002e,0x00000323,0x0000030b,0x0000001f /* %803 = OpINotEqual %bool %779 %uint_0 */
.long 0x000600a9,0x00000006,0x00000325,0x00000323,0x00000030,0x00000309 /* %805 = OpSelect %uint %803 %uint_4294967295 %777 */
.long 0x000500b0,0x0000002e,0x0000030f,0x000000d1,0x00000325 /* %783 = OpULessThan %bool %209 %805 */
.long 0x000400a8,0x0000002e,0x00000310,0x0000030f /* %784 = OpLogicalNot %bool %783 */
.long 0x000300f7,0x0000031b,0x00000000 /* OpSelectionMerge %795 None */
.long 0x000400fa,0x00000310,0x00000311,0x0000031b /* OpBranchConditional %784 %785 %795 */
.long 0x000200f8,0x00000311 /* %785 = OpLabel */
.long 0x0006003d,0x00000006,0x00000316,0x00000298,0x00000002,0x00000008 /* %790 = OpLoad %uint %664 Aligned 8 */
.long 0x0006003d,0x00000006,0x00000318,0x0000029a,0x00000002,0x00000004 /* %792 = OpLoad %uint %666 Aligned 4 */
.long 0x000500ab,0x0000002e,0x00000329,0x00000318,0x0000001f /* %809 = OpINotEqual %bool %792 %uint_0 */
.long 0x000600a9,0x00000006,0x0000032b,0x00000329,0x00000030,0x00000316 /* %811 = OpSelect %uint %809 %uint_4294967295 %790 */
.long 0x000500ac,0x0000002e,0x0000031a,0x000000d1,0x0000032b /* %794 = OpUGreaterThan %bool %209 %811 */
.long 0x000200f9,0x0000031b /* OpBranch %795 */
.long 0x000200f8,0x0000031b /* %795 = OpLabel */
.long 0x000700f5,0x0000002e,0x0000031c,0x0000030f,0x000002b8,0x0000031a,0x00000311 /* %796 = OpPhi %bool %783 %696 %794 %785 */
.long 0x000600a9,0x00000006,0x0000031f,0x0000031c,0x000000d1,0x00000325 /* %799 = OpSelect %uint %796 %209 %805 */
.long 0x0007000c,0x00000006,0x000002bd,0x00000001,0x00000026,0x0000031f,0x000002cb /* %701 = OpExtInst %uint %1 UMin %799 %715 */
.long 0x000200f9,0x000002be /* OpBranch %702 */
.long 0x000200f8,0x000002be /* %702 = OpLabel */
.long 0x000900f5,0x00000006,0x00000359,0x000002a5,0x000002a0,0x000002f2,0x000002ee,0x000002bd,0x0000031b /* %857 = OpPhi %uint %677 %672 %754 %750 %701 %795 */
.long 0x0006003d,0x00000006,0x00000336,0x0000028a,0x00000002,0x00000008 /* %822 = OpLoad %uint %650 Aligned 8 */
.long 0x0006003d,0x00000006,0x00000338,0x0000028c,0x00000002,0x00000004 /* %824 = OpLoad %uint %652 Aligned 4 */
.long 0x000500ab,0x0000002e,0x00000350,0x00000338,0x0000001f /* %848 = OpINotEqual %bool %824 %uint_0 */
.long 0x000600a9,0x00000006,0x00000352,0x00000350,0x00000030,0x00000336 /* %850 = OpSelect %uint %848 %uint_4294967295 %822 */
.long 0x000500b0,0x0000002e,0x0000033c,0x000000d1,0x00000352 /* %828 = OpULessThan %bool %209 %850 */
.long 0x000400a8,0x0000002e,0x0000033d,0x0000033c /* %829 = OpLogicalNot %bool %828 */
.long 0x000300f7,0x00000348,0x00000000 /* OpSelectionMerge %840 None */
.long 0x000400fa,0x0000033d,0x0000033e,0x00000348 /* OpBranchConditional %829 %830 %840 */
.long 0x000200f8,0x0000033e /* %830 = OpLabel */
.long 0x0006003d,0x00000006,0x00000343,0x00000298,0x00000002,0x00000008 /* %835 = OpLoad %uint %664 Aligned 8 */
.long 0x0006003d,0x00000006,0x00000345,0x0000029a,0x00000002,0x00000004 /* %837 = OpLoad %uint %666 Aligned 4 */
.long 0x000500ab,0x0000002e,0x00000356,0x00000345,0x0000001f /* %854 = OpINotEqual %bool %837 %uint_0 */
.long 0x000600a9,0x00000006,0x00000358,0x00000356,0x00000030,0x00000343 /* %856 = OpSelect %uint %854 %uint_4294967295 %835 */
.long 0x000500ac,0x0000002e,0x00000347,0x000000d1,0x00000358 /* %839 = OpUGreaterThan %bool %209 %856 */
.long 0x000200f9,0x00000348 /* OpBranch %840 */
.long 0x000200f8,0x00000348 /* %840 = OpLabel */
.long 0x000700f5,0x0000002e,0x00000349,0x0000033c,0x000002be,0x00000347,0x0000033e /* %841 = OpPhi %bool %828 %702 %839 %830 */
.long 0x000600a9,0x00000006,0x0000034c,0x00000349,0x000000d1,0x00000352 /* %844 = OpSelect %uint %841 %209 %850 */
.long 0x000500ae,0x0000002e,0x000000dd,0x000000c3,0x0000034c /* %221 = OpUGreaterThanEqual %bool %195 %844 */
.long 0x000400a8,0x0000002e,0x000000de,0x000000dd /* %222 = OpLogicalNot %bool %221 */
.long 0x000300f7,0x000000e0,0x00000000 /* OpSelectionMerge %224 None */
.long 0x000400fa,0x000000de,0x000000df,0x000000e0 /* OpBranchConditional %222 %223 %224 */
.long 0x000200f8,0x000000df /* %223 = OpLabel */
.long 0x00050080,0x00000006,0x000000e2,0x000000c3,0x000000c2 /* %226 = OpIAdd %uint %195 %194 */
.long 0x000500b2,0x0000002e,0x000000e4,0x000000e2,0x00000359 /* %228 = OpULessThanEqual %bool %226 %857 */
.long 0x000200f9,0x000000e0 /* OpBranch %224 */
.long 0x000200f8,0x000000e0 /* %224 = OpLabel */
.long 0x000700f5,0x0000002e,0x000000e5,0x000000dd,0x00000348,0x000000e4,0x000000df /* %229 = OpPhi %bool %221 %840 %228 %223 */
.long 0x000300f7,0x000000e7,0x00000000 /* OpSelectionMerge %231 None */
.long 0x000400fa,0x000000e5,0x000000e6,0x000000e7 /* OpBranchConditional %229 %230 %231 */
.long 0x000200f8,0x000000e6 /* %230 = OpLabel */
.long 0x000200f9,0x00000257 /* OpBranch %599 */
.long 0x000200f8,0x000000e7 /* %231 = OpLabel */
.long 0x0004003d,0x00000006,0x000000eb,0x000000ea /* %235 = OpLoad %uint %SubgroupId */
.long 0x00050086,0x00000006,0x000000ed,0x000000eb,0x000000ec /* %237 = OpUDiv %uint %235 %uint_2 */
.long 0x00050084,0x00000006,0x000000ef,0x000000ed,0x000000ee /* %239 = OpIMul %uint %237 %238 */
.long 0x00050089,0x00000006,0x000000f2,0x000000eb,0x000000ec /* %242 = OpUMod %uint %235 %uint_2 */
.long 0x00050084,0x00000006,0x000000f4,0x000000f2,0x000000f3 /* %244 = OpIMul %uint %242 %243 */
.long 0x000200f9,0x000000f6 /* OpBranch %246 */
.long 0x000200f8,0x000000f6 /* %246 = OpLabel */
.long 0x000700f5,0x00000006,0x0000035a,0x0000001f,0x000000e7,0x0000010e,0x000000f7 /* %858 = OpPhi %uint %uint_0 %231 %270 %247 */
.long 0x000500b0,0x0000002e,0x00000101,0x0000035a,0x00000100 /* %257 = OpULessThan %bool %858 %256 */
.long 0x000400f6,0x000000f8,0x000000f7,0x00000001 /* OpLoopMerge %248 %247 Unroll */
.long 0x000400fa,0x00000101,0x000000f7,0x000000f8 /* OpBranchConditional %257 %247 %248 */
.long 0x000200f8,0x000000f7 /* %247 = OpLabel */
.long 0x00050041,0x0000010b,0x0000010c,0x00000107,0x0000035a /* %268 = OpAccessChain %_ptr_Function_259 %263 %858 */
.long 0x0003003e,0x0000010c,0x0000010a /* OpStore %268 %266 */
.long 0x00050080,0x00000006,0x0000010e,0x0000035a,0x0000003a /* %270 = OpIAdd %uint %858 %int_1 */
.long 0x000200f9,0x000000f6 /* OpBranch %246 */
.long 0x000200f8,0x000000f8 /* %248 = OpLabel */
.long 0x00050041,0x000000b7,0x00000110,0x000000b5,0x0000004d /* %272 = OpAccessChain %_ptr_PushConstant_uint %181 %int_5 */
.long 0x0004003d,0x00000006,0x00000111,0x00000110 /* %273 = OpLoad %uint %272 */
.long 0x00050086,0x00000006,0x00000113,0x00000111,0x00000112 /* %275 = OpUDiv %uint %273 %uint_8 */
.long 0x000200f9,0x00000115 /* OpBranch %277 */
.long 0x000200f8,0x00000115 /* %277 = OpLabel */
.long 0x000700f5,0x00000006,0x0000035b,0x0000001f,0x000000f8,0x000001dc,0x00000118 /* %859 = OpPhi %uint %uint_0 %248 %476 %280 */
.long 0x000500b0,0x0000002e,0x0000011c,0x0000035b,0x00000113 /* %284 = OpULessThan %bool %859 %275 */
.long 0x000400f6,0x00000117,0x00000118,0x00000000 /* OpLoopMerge %279 %280 None */
.long 0x000400fa,0x0000011c,0x00000116,0x00000117 /* OpBranchConditional %284 %278 %279 */
.long 0x000200f8,0x00000116 /* %278 = OpLabel */
.long 0x000200f9,0x0000011f /* OpBranch %287 */
.long 0x000200f8,0x0000011f /* %287 = OpLabel */
.long 0x000700f5,0x00000006,0x00000363,0x000000a9,0x00000116,0x0000014a,0x00000120 /* %867 = OpPhi %uint %169 %278 %330 %288 */
.long 0x000500b0,0x0000002e,0x00000127,0x00000363,0x00000126 /* %295 = OpULessThan %bool %867 %294 */
.long 0x000400f6,0x00000121,0x00000120,0x00000000 /* OpLoopMerge %289 %288 None */
.long 0x000400fa,0x00000127,0x00000120,0x00000121 /* OpBranchConditional %295 %288 %289 */
.long 0x000200f8,0x00000120 /* %288 = OpLabel */
.long 0x00050086,0x00000006,0x0000012e,0x00000363,0x00000125 /* %302 = OpUDiv %uint %867 %uint_4 */
.long 0x00050084,0x00000006,0x0000012f,0x0000012e,0x00000128 /* %303 = OpIMul %uint %302 %uint_5 */
.long 0x00050089,0x00000006,0x00000131,0x00000363,0x00000125 /* %305 = OpUMod %uint %867 %uint_4 */
.long 0x00050080,0x00000006,0x00000132,0x0000012f,0x00000131 /* %306 = OpIAdd %uint %303 %305 */
.long 0x00050041,0x00000133,0x00000134,0x000000b5,0x00000038 /* %308 = OpAccessChain %_ptr_PushConstant__ptr_PhysicalStorageBuffer__struct_176 %181 %int_0 */
.long 0x0004003d,0x000000ab,0x00000135,0x00000134 /* %309 = OpLoad %_ptr_PhysicalStorageBuffer__struct_176 %308 */
.long 0x00050080,0x00000006,0x00000139,0x000000c3,0x0000012e /* %313 = OpIAdd %uint %195 %302 */
.long 0x00050084,0x00000006,0x0000013b,0x00000139,0x00000113 /* %315 = OpIMul %uint %313 %275 */
.long 0x00050080,0x00000006,0x0000013d,0x0000013b,0x0000035b /* %317 = OpIAdd %uint %315 %859 */
.long 0x00050080,0x00000006,0x00000140,0x0000013d,0x00000131 /* %320 = OpIAdd %uint %317 %305 */
.long 0x00060041,0x00000141,0x00000142,0x00000135,0x00000038,0x00000140 /* %322 = OpAccessChain %_ptr_PhysicalStorageBuffer_v4uint %309 %int_0 %320 */
.long 0x0006003d,0x000000ae,0x00000143,0x00000142,0x00000002,0x00000010 /* %323 = OpLoad %v4uint %322 Aligned 16 */
.long 0x00050041,0x00000144,0x00000145,0x0000012c,0x00000132 /* %325 = OpAccessChain %_ptr_Workgroup_v4uint %300 %306 */
.long 0x0005003e,0x00000145,0x00000143,0x00000028,0x000000ec /* OpStore %325 %323 MakePointerAvailable|NonPrivatePointer %uint_2 */
.long 0x00050080,0x00000006,0x0000014a,0x00000363,0x00000148 /* %330 = OpIAdd %uint %867 %328 */
.long 0x000200f9,0x0000011f /* OpBranch %287 */
.long 0x000200f8,0x00000121 /* %289 = OpLabel */
.long 0x000200f9,0x0000014d /* OpBranch %333 */
.long 0x000200f8,0x0000014d /* %333 = OpLabel */
.long 0x000700f5,0x00000006,0x00000364,0x000000a9,0x00000121,0x00000170,0x0000014e /* %868 = OpPhi %uint %169 %289 %368 %334 */
.long 0x000500b0,0x0000002e,0x00000154,0x00000364,0x00000153 /* %340 = OpULessThan %bool %868 %339 */
.long 0x000400f6,0x0000014f,0x0000014e,0x00000000 /* OpLoopMerge %335 %334 None */
.long 0x000400fa,0x00000154,0x0000014e,0x0000014f /* OpBranchConditional %340 %334 %335 */
.long 0x000200f8,0x0000014e /* %334 = OpLabel */
.long 0x00050086,0x00000006,0x0000015a,0x00000364,0x00000125 /* %346 = OpUDiv %uint %868 %uint_4 */
.long 0x00050084,0x00000006,0x0000015b,0x0000015a,0x00000128 /* %347 = OpIMul %uint %346 %uint_5 */
.long 0x00050089,0x00000006,0x0000015d,0x00000364,0x00000125 /* %349 = OpUMod %uint %868 %uint_4 */
.long 0x00050080,0x00000006,0x0000015e,0x0000015b,0x0000015d /* %350 = OpIAdd %uint %347 %349 */
.long 0x00050041,0x00000133,0x0000015f,0x000000b5,0x0000003a /* %351 = OpAccessChain %_ptr_PushConstant__ptr_PhysicalStorageBuffer__struct_176 %181 %int_1 */
.long 0x0004003d,0x000000ab,0x00000160,0x0000015f /* %352 = OpLoad %_ptr_PhysicalStorageBuffer__struct_176 %351 */
.long 0x00050080,0x00000006,0x00000164,0x000000c8,0x0000015a /* %356 = OpIAdd %uint %200 %346 */
.long 0x00050084,0x00000006,0x00000166,0x00000164,0x00000113 /* %358 = OpIMul %uint %356 %275 */
.long 0x00050080,0x00000006,0x00000168,0x00000166,0x0000035b /* %360 = OpIAdd %uint %358 %859 */
.long 0x00050080,0x00000006,0x0000016b,0x00000168,0x0000015d /* %363 = OpIAdd %uint %360 %349 */
.long 0x00060041,0x00000141,0x0000016c,0x00000160,0x00000038,0x0000016b /* %364 = OpAccessChain %_ptr_PhysicalStorageBuffer_v4uint %352 %int_0 %363 */
.long 0x0006003d,0x000000ae,0x0000016d,0x0000016c,0x00000002,0x00000010 /* %365 = OpLoad %v4uint %364 Aligned 16 */
.long 0x00050041,0x00000144,0x0000016e,0x00000158,0x0000015e /* %366 = OpAccessChain %_ptr_Workgroup_v4uint %344 %350 */
.long 0x0005003e,0x0000016e,0x0000016d,0x00000028,0x000000ec /* OpStore %366 %365 MakePointerAvailable|NonPrivatePointer %uint_2 */
.long 0x00050080,0x00000006,0x00000170,0x00000364,0x00000148 /* %368 = OpIAdd %uint %868 %328 */
.long 0x000200f9,0x0000014d /* OpBranch %333 */
.long 0x000200f8,0x0000014f /* %335 = OpLabel */
.long 0x000400e0,0x000000ec,0x000000ec,0x00000171 /* OpControlBarrier %uint_2 %uint_2 %uint_264 */
.long 0x000200f9,0x00000173 /* OpBranch %371 */
.long 0x000200f8,0x00000173 /* %371 = OpLabel */
.long 0x000700f5,0x00000006,0x00000365,0x0000001f,0x0000014f,0x000001da,0x00000176 /* %869 = OpPhi %uint %uint_0 %335 %474 %374 */
.long 0x000500b0,0x0000002e,0x00000179,0x00000365,0x00000125 /* %377 = OpULessThan %bool %869 %uint_4 */
.long 0x000400f6,0x00000175,0x00000176,0x00000001 /* OpLoopMerge %373 %374 Unroll */
.long 0x000400fa,0x00000179,0x00000174,0x00000175 /* OpBranchConditional %377 %372 %373 */
.long 0x000200f8,0x00000174 /* %372 = OpLabel */
.long 0x000200f9,0x0000017b /* OpBranch %379 */
.long 0x000200f8,0x0000017b /* %379 = OpLabel */
.long 0x000700f5,0x00000006,0x00000369,0x0000001f,0x00000174,0x0000019e,0x0000017c /* %873 = OpPhi %uint %uint_0 %372 %414 %380 */
.long 0x000500b0,0x0000002e,0x00000181,0x00000369,0x000000fd /* %385 = OpULessThan %bool %873 %253 */
.long 0x000400f6,0x0000017d,0x0000017c,0x00000001 /* OpLoopMerge %381 %380 Unroll */
.long 0x000400fa,0x00000181,0x0000017c,0x0000017d /* OpBranchConditional %385 %380 %381 */
.long 0x000200f8,0x0000017c /* %380 = OpLabel */
.long 0x00050084,0x00000006,0x00000189,0x00000369,0x000000fc /* %393 = OpIMul %uint %873 %252 */
.long 0x00050080,0x00000006,0x0000018a,0x000000ef,0x00000189 /* %394 = OpIAdd %uint %239 %393 */
.long 0x00050084,0x00000006,0x0000018b,0x0000018a,0x00000128 /* %395 = OpIMul %uint %394 %uint_5 */
.long 0x00050080,0x00000006,0x0000018d,0x0000018b,0x00000365 /* %397 = OpIAdd %uint %395 %869 */
.long 0x00050041,0x00000144,0x0000018e,0x0000012c,0x0000018d /* %398 = OpAccessChain %_ptr_Workgroup_v4uint %300 %397 */
.long 0x00081169,0x00000184,0x00000196,0x0000018e,0x00000038,0x00000128,0x00000030,0x000000ec /* %406 = OpCooperativeMatrixLoadKHR %388 %398 %int_0 %uint_5 MakePointerVisible|NonPrivatePointer %uint_2 */
.long 0x00050041,0x00000185,0x0000019c,0x00000199,0x00000369 /* %412 = OpAccessChain %_ptr_Function_388 %409 %873 */
.long 0x0003003e,0x0000019c,0x00000196 /* OpStore %412 %406 */
.long 0x00050080,0x00000006,0x0000019e,0x00000369,0x0000003a /* %414 = OpIAdd %uint %873 %int_1 */
.long 0x000200f9,0x0000017b /* OpBranch %379 */
.long 0x000200f8,0x0000017d /* %381 = OpLabel */
.long 0x000200f9,0x000001a0 /* OpBranch %416 */
.long 0x000200f8,0x000001a0 /* %416 = OpLabel */
.long 0x000700f5,0x00000006,0x0000036a,0x0000001f,0x0000017d,0x000001d7,0x000001a3 /* %874 = OpPhi %uint %uint_0 %381 %471 %419 */
.long 0x000500b0,0x0000002e,0x000001a6,0x0000036a,0x000000ff /* %422 = OpULessThan %bool %874 %255 */
.long 0x000400f6,0x000001a2,0x000001a3,0x00000001 /* OpLoopMerge %418 %419 Unroll */
.long 0x000400fa,0x000001a6,0x000001a1,0x000001a2 /* OpBranchConditional %422 %417 %418 */
.long 0x000200f8,0x000001a1 /* %417 = OpLabel */
.long 0x00050084,0x00000006,0x000001ac,0x0000036a,0x000000fe /* %428 = OpIMul %uint %874 %254 */
.long 0x00050080,0x00000006,0x000001ad,0x000000f4,0x000001ac /* %429 = OpIAdd %uint %244 %428 */
.long 0x00050084,0x00000006,0x000001ae,0x000001ad,0x00000128 /* %430 = OpIMul %uint %429 %uint_5 */
.long 0x00050080,0x00000006,0x000001b0,0x000001ae,0x00000365 /* %432 = OpIAdd %uint %430 %869 */
.long 0x00050041,0x00000144,0x000001b1,0x00000158,0x000001b0 /* %433 = OpAccessChain %_ptr_Workgroup_v4uint %344 %432 */
.long 0x00081169,0x000001a7,0x000001b9,0x000001b1,0x0000003a,0x00000128,0x00000030,0x000000ec /* %441 = OpCooperativeMatrixLoadKHR %423 %433 %int_1 %uint_5 MakePointerVisible|NonPrivatePointer %uint_2 */
.long 0x000200f9,0x000001bd /* OpBranch %445 */
.long 0x000200f8,0x000001bd /* %445 = OpLabel */
.long 0x000700f5,0x00000006,0x0000036d,0x0000001f,0x000001a1,0x000001d5,0x000001be /* %877 = OpPhi %uint %uint_0 %417 %469 %446 */
.long 0x000500b0,0x0000002e,0x000001c3,0x0000036d,0x000000fd /* %451 = OpULessThan %bool %877 %253 */
.long 0x000400f6,0x000001bf,0x000001be,0x00000001 /* OpLoopMerge %447 %446 Unroll */
.long 0x000400fa,0x000001c3,0x000001be,0x000001bf /* OpBranchConditional %451 %446 %447 */
.long 0x000200f8,0x000001be /* %446 = OpLabel */
.long 0x00050084,0x00000006,0x000001c5,0x0000036d,0x000000ff /* %453 = OpIMul %uint %877 %255 */
.long 0x00050080,0x00000006,0x000001c7,0x000001c5,0x0000036a /* %455 = OpIAdd %uint %453 %874 */
.long 0x00050041,0x00000185,0x000001c9,0x00000199,0x0000036d /* %457 = OpAccessChain %_ptr_Function_388 %409 %877 */
.long 0x0004003d,0x00000184,0x000001ca,0x000001c9 /* %458 = OpLoad %388 %457 */
.long 0x00050041,0x0000010b,0x000001d0,0x00000107,0x000001c7 /* %464 = OpAccessChain %_ptr_Function_259 %263 %455 */
.long 0x0004003d,0x00000103,0x000001d1,0x000001d0 /* %465 = OpLoad %259 %464 */
.long 0x0006116b,0x00000103,0x000001d2,0x000001ca,0x000001b9,0x000001d1 /* %466 = OpCooperativeMatrixMulAddKHR %259 %458 %441 %465 */
.long 0x0003003e,0x000001d0,0x000001d2 /* OpStore %464 %466 */
.long 0x00050080,0x00000006,0x000001d5,0x0000036d,0x0000003a /* %469 = OpIAdd %uint %877 %int_1 */
.long 0x000200f9,0x000001bd /* OpBranch %445 */
.long 0x000200f8,0x000001bf /* %447 = OpLabel */
.long 0x000200f9,0x000001a3 /* OpBranch %419 */
.long 0x000200f8,0x000001a3 /* %419 = OpLabel */
.long 0x00050080,0x00000006,0x000001d7,0x0000036a,0x0000003a /* %471 = OpIAdd %uint %874 %int_1 */
.long 0x000200f9,0x000001a0 /* OpBranch %416 */
.long 0x000200f8,0x000001a2 /* %418 = OpLabel */
.long 0x000200f9,0x00000176 /* OpBranch %374 */
.long 0x000200f8,0x00000176 /* %374 = OpLabel */
.long 0x00050080,0x00000006,0x000001da,0x00000365,0x000001d8 /* %474 = OpIAdd %uint %869 %472 */
.long 0x000200f9,0x00000173 /* OpBranch %371 */
.long 0x000200f8,0x00000175 /* %373 = OpLabel */
.long 0x000400e0,0x000000ec,0x000000ec,0x00000171 /* OpControlBarrier %uint_2 %uint_2 %uint_264 */
.long 0x000200f9,0x00000118 /* OpBranch %280 */
.long 0x000200f8,0x00000118 /* %280 = OpLabel */
.long 0x00050080,0x00000006,0x000001dc,0x0000035b,0x00000125 /* %476 = OpIAdd %uint %859 %uint_4 */
.long 0x000200f9,0x00000115 /* OpBranch %277 */
.long 0x000200f8,0x00000117 /* %279 = OpLabel */
.long 0x00050084,0x00000006,0x000001df,0x000000eb,0x000000fc /* %479 = OpIMul %uint %235 %252 */
.long 0x00050084,0x00000006,0x000001e0,0x000001df,0x000000fe /* %480 = OpIMul %uint %479 %254 */
.long 0x000200f9,0x000001e2 /* OpBranch %482 */
.long 0x000200f8,0x000001e2 /* %482 = OpLabel */
.long 0x000700f5,0x00000006,0x0000035c,0x0000001f,0x00000117,0x00000253,0x000001e5 /* %860 = OpPhi %uint %uint_0 %279 %595 %485 */
.long 0x000500b0,0x0000002e,0x000001e9,0x0000035c,0x000001e8 /* %489 = OpULessThan %bool %860 %488 */
.long 0x000400f6,0x000001e4,0x000001e5,0x00000001 /* OpLoopMerge %484 %485 Unroll */
.long 0x000400fa,0x000001e9,0x000001e3,0x000001e4 /* OpBranchConditional %489 %483 %484 */
.long 0x000200f8,0x000001e3 /* %483 = OpLabel */
.long 0x00050041,0x0000010b,0x000001eb,0x00000107,0x0000035c /* %491 = OpAccessChain %_ptr_Function_259 %263 %860 */
.long 0x0004003d,0x00000103,0x000001ec,0x000001eb /* %492 = OpLoad %259 %491 */
.long 0x00050041,0x000001f3,0x000001f4,0x000001f1,0x000001e0 /* %500 = OpAccessChain %_ptr_Workgroup_float %497 %480 */
.long 0x0007116a,0x000001f4,0x000001ec,0x00000038,0x000000fe,0x00000028,0x000000ec /* OpCooperativeMatrixStoreKHR %500 %492 %int_0 %254 MakePointerAvailable|NonPrivatePointer %uint_2 */
.long 0x000400e0,0x000000ec,0x000000ec,0x00000171 /* OpControlBarrier %uint_2 %uint_2 %uint_264 */
.long 0x0004003d,0x00000006,0x000001f7,0x000001f6 /* %503 = OpLoad %uint %SubgroupLocalInvocationId */
.long 0x000200f9,0x000001f8 /* OpBranch %504 */
.long 0x000200f8,0x000001f8 /* %504 = OpLabel */
.long 0x000700f5,0x00000006,0x0000035d,0x000001f7,0x000001e3,0x00000251,0x000001fb /* %861 = OpPhi %uint %503 %483 %593 %507 */
.long 0x000500b0,0x0000002e,0x000001ff,0x0000035d,0x000001fe /* %511 = OpULessThan %bool %861 %510 */
.long 0x000400f6,0x000001fa,0x000001fb,0x00000000 /* OpLoopMerge %506 %507 None */
.long 0x000400fa,0x000001ff,0x000001f9,0x000001fa /* OpBranchConditional %511 %505 %506 */
.long 0x000200f8,0x000001f9 /* %505 = OpLabel */
.long 0x00050080,0x00000006,0x00000203,0x000000c3,0x000000ef /* %515 = OpIAdd %uint %195 %239 */
.long 0x00050086,0x00000006,0x00000205,0x0000035c,0x000000ff /* %517 = OpUDiv %uint %860 %255 */
.long 0x00050084,0x00000006,0x00000206,0x00000205,0x000000fc /* %518 = OpIMul %uint %517 %252 */
.long 0x00050080,0x00000006,0x00000207,0x00000203,0x00000206 /* %519 = OpIAdd %uint %515 %518 */
.long 0x00050086,0x00000006,0x00000209,0x0000035d,0x000000fe /* %521 = OpUDiv %uint %861 %254 */
.long 0x00050080,0x00000006,0x0000020a,0x00000207,0x00000209 /* %522 = OpIAdd %uint %519 %521 */
.long 0x00050080,0x00000006,0x0000020e,0x000000c8,0x000000f4 /* %526 = OpIAdd %uint %200 %244 */
.long 0x00050089,0x00000006,0x00000210,0x0000035c,0x000000ff /* %528 = OpUMod %uint %860 %255 */
.long 0x00050084,0x00000006,0x00000211,0x00000210,0x000000fe /* %529 = OpIMul %uint %528 %254 */
.long 0x00050080,0x00000006,0x00000212,0x0000020e,0x00000211 /* %530 = OpIAdd %uint %526 %529 */
.long 0x00050089,0x00000006,0x00000214,0x0000035d,0x000000fe /* %532 = OpUMod %uint %861 %254 */
.long 0x00050080,0x00000006,0x00000215,0x00000212,0x00000214 /* %533 = OpIAdd %uint %530 %532 */
.long 0x000500b0,0x0000002e,0x00000218,0x0000020a,0x00000359 /* %536 = OpULessThan %bool %522 %857 */
.long 0x000500ae,0x0000002e,0x0000021b,0x0000020a,0x0000034c /* %539 = OpUGreaterThanEqual %bool %522 %844 */
.long 0x000500a6,0x0000002e,0x0000021c,0x00000218,0x0000021b /* %540 = OpLogicalOr %bool %536 %539 */
.long 0x000400a8,0x0000002e,0x0000021d,0x0000021c /* %541 = OpLogicalNot %bool %540 */
.long 0x000300f7,0x0000021f,0x00000000 /* OpSelectionMerge %543 None */
.long 0x000400fa,0x0000021d,0x0000021e,0x0000021f /* OpBranchConditional %541 %542 %543 */
.long 0x000200f8,0x0000021e /* %542 = OpLabel */
.long 0x000500ae,0x0000002e,0x00000223,0x00000215,0x000000b9 /* %547 = OpUGreaterThanEqual %bool %533 %185 */
.long 0x000200f9,0x0000021f /* OpBranch %543 */
.long 0x000200f8,0x0000021f /* %543 = OpLabel */
.long 0x000700f5,0x0000002e,0x00000224,0x0000021c,0x000001f9,0x00000223,0x0000021e /* %548 = OpPhi %bool %540 %505 %547 %542 */
.long 0x000300f7,0x00000226,0x00000000 /* OpSelectionMerge %550 None */
.long 0x000400fa,0x00000224,0x00000225,0x00000226 /* OpBranchConditional %548 %549 %550 */
.long 0x000200f8,0x00000225 /* %549 = OpLabel */
.long 0x000200f9,0x000001fb /* OpBranch %507 */
.long 0x000200f8,0x00000226 /* %550 = OpLabel */
.long 0x00050080,0x00000006,0x0000022c,0x000001e0,0x0000035d /* %556 = OpIAdd %uint %480 %861 */
.long 0x00050041,0x000001f3,0x0000022d,0x000001f1,0x0000022c /* %557 = OpAccessChain %_ptr_Workgroup_float %497 %556 */
.long 0x0006003d,0x000000b1,0x0000022e,0x0000022d,0x00000030,0x000000ec /* %558 = OpLoad %float %557 MakePointerVisible|NonPrivatePointer %uint_2 */
.long 0x00050041,0x000000b7,0x00000230,0x000000b5,0x0000022f /* %560 = OpAccessChain %_ptr_PushConstant_uint %181 %int_9 */
.long 0x0004003d,0x00000006,0x00000231,0x00000230 /* %561 = OpLoad %uint %560 */
.long 0x000500ab,0x0000002e,0x00000232,0x00000231,0x0000001f /* %562 = OpINotEqual %bool %561 %uint_0 */
.long 0x000300f7,0x00000234,0x00000000 /* OpSelectionMerge %564 None */
.long 0x000400fa,0x00000232,0x00000233,0x00000234 /* OpBranchConditional %562 %563 %564 */
.long 0x000200f8,0x00000233 /* %563 = OpLabel */
.long 0x00050041,0x00000235,0x00000236,0x000000b5,0x0000006a /* %566 = OpAccessChain %_ptr_PushConstant__ptr_PhysicalStorageBuffer__struct_179 %181 %int_3 */
.long 0x0004003d,0x000000ac,0x00000237,0x00000236 /* %567 = OpLoad %_ptr_PhysicalStorageBuffer__struct_179 %566 */
.long 0x00050084,0x00000006,0x0000023b,0x0000020a,0x00000231 /* %571 = OpIMul %uint %522 %561 */
.long 0x00050080,0x00000006,0x0000023d,0x0000023b,0x00000215 /* %573 = OpIAdd %uint %571 %533 */
.long 0x00060041,0x0000023e,0x0000023f,0x00000237,0x00000038,0x0000023d /* %575 = OpAccessChain %_ptr_PhysicalStorageBuffer_float %567 %int_0 %573 */
.long 0x0006003d,0x000000b1,0x00000240,0x0000023f,0x00000002,0x00000004 /* %576 = OpLoad %float %575 Aligned 4 */
.long 0x00050081,0x000000b1,0x00000242,0x0000022e,0x00000240 /* %578 = OpFAdd %float %558 %576 */
.long 0x000200f9,0x00000234 /* OpBranch %564 */
.long 0x000200f8,0x00000234 /* %564 = OpLabel */
.long 0x000700f5,0x000000b1,0x00000360,0x0000022e,0x00000226,0x00000242,0x00000233 /* %864 = OpPhi %float %558 %550 %578 %563 */
.long 0x00050041,0x00000235,0x00000243,0x000000b5,0x00000068 /* %579 = OpAccessChain %_ptr_PushConstant__ptr_PhysicalStorageBuffer__struct_179 %181 %int_2 */
.long 0x0004003d,0x000000ac,0x00000244,0x00000243 /* %580 = OpLoad %_ptr_PhysicalStorageBuffer__struct_179 %579 */
.long 0x00050041,0x000000b7,0x00000247,0x000000b5,0x00000246 /* %583 = OpAccessChain %_ptr_PushConstant_uint %181 %int_8 */
.long 0x0004003d,0x00000006,0x00000248,0x00000247 /* %584 = OpLoad %uint %583 */
.long 0x00050084,0x00000006,0x00000249,0x0000020a,0x00000248 /* %585 = OpIMul %uint %522 %584 */
.long 0x00050080,0x00000006,0x0000024b,0x00000249,0x00000215 /* %587 = OpIAdd %uint %585 %533 */
.long 0x00060041,0x0000023e,0x0000024d,0x00000244,0x00000038,0x0000024b /* %589 = OpAccessChain %_ptr_PhysicalStorageBuffer_float %580 %int_0 %587 */
.long 0x0005003e,0x0000024d,0x00000360,0x00000002,0x00000004 /* OpStore %589 %864 Aligned 4 */
.long 0x000200f9,0x000001fb /* OpBranch %507 */
.long 0x000200f8,0x000001fb /* %507 = OpLabel */
.long 0x0004003d,0x00000006,0x0000024f,0x0000024e /* %591 = OpLoad %uint %SubgroupSize */
.long 0x00050080,0x00000006,0x00000251,0x0000035d,0x0000024f /* %593 = OpIAdd %uint %861 %591 */
.long 0x000200f9,0x000001f8 /* OpBranch %504 */
.long 0x000200f8,0x000001fa /* %506 = OpLabel */
.long 0x000400e0,0x000000ec,0x000000ec,0x00000171 /* OpControlBarrier %uint_2 %uint_2 %uint_264 */
.long 0x000200f9,0x000001e5 /* OpBranch %485 */
.long 0x000200f8,0x000001e5 /* %485 = OpLabel */
.long 0x00050080,0x00000006,0x00000253,0x0000035c,0x0000003a /* %595 = OpIAdd %uint %860 %int_1 */
.long 0x000200f9,0x000001e2 /* OpBranch %482 */
.long 0x000200f8,0x000001e4 /* %484 = OpLabel */
.long 0x000200f9,0x00000257 /* OpBranch %599 */
.long 0x000200f8,0x00000257 /* %599 = OpLabel */
.long 0x000100fd /* OpReturn */
.long 0x00010038 /* OpFunctionEnd */
