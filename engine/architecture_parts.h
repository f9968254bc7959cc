// Readers of the single architectures in a .triode file's JSON. Private to the files that read models.
#pragma once

#include "architecture.h"
#include "json_fields.h"

namespace triode {

RecurrentSpec parse_recurrent(Fields& fields, CellKind kind);
/// From a .triode file, or from a .nam file's `config`, which names the channels differently and may hold parameters
/// that its activation does not have.
ConvnetSpec parse_convnet(Fields& fields, bool from_triode);
ContainerSpec parse_container(Fields& fields, int nesting);
ConvSpec parse_conv(Fields& fields);
SequentialSpec parse_sequential(Fields& fields, int nesting);
ParametricSpec parse_parametric(Fields& fields, int nesting);
BlockOrientedSpec parse_block_oriented(Fields& fields);

}  // namespace triode
