// Where the elements of a value lie relative to its storage: passes ask this before they let a consumer read
// memory it did not get in dense form before.
#pragma once

#include "passes/edit.h"

namespace gannet {

// The value as a view of the storage it looks at (data is an offset). Values that are no views are dense.
TensorView layout_of(const GraphEdit& edit, ValueId id);

// True when the value is a view into a state.
bool views_state(const GraphEdit& edit, ValueId id);

// True when every use of `id` could read `layout` instead of dense memory, views of it included.
bool uses_accept(const GraphEdit& edit, ValueId id, const TensorView& layout);

// Erases the producers of a value that nobody uses, and theirs.
void sweep(GraphEdit& edit, ValueId id);

}  // namespace gannet
