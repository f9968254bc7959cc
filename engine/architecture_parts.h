// Readers of the single architectures in a .triode file's JSON. Private to the files that read models.
#pragma once

#include "architecture.h"
#include "json_fields.h"

namespace triode {

RecurrentSpec parse_recurrent(Fields& fields, CellKind kind);
/// `strict` refuses parameters that an activation does not have.
ConvnetSpec parse_convnet(Fields& fields, bool strict);
ContainerSpec parse_container(Fields& fields, int nesting);

}  // namespace triode
