package import FileFormats
import System
package import Tensors

/// Fills a block with the given layout from a safetensors file with the same names and shapes (`--init-from`, a
/// checkpoint's model). Every tensor must exist; unknown tensors are rejected too, because their weights would be
/// silently unused.
package func read(
    _ file: SafetensorsFile, into block: FloatBlock, layout: TensorLayout, prefix: String = ""
) throws {
    try checkShapes(of: file, layout: layout, prefix: prefix)
    for tensor in layout.tensors { try file.read(prefix + tensor.name, into: block[tensor.range]) }
    let known = Set(layout.tensors.map { prefix + $0.name })
    if let unknown = file.names.first(where: { $0.hasPrefix(prefix) && !known.contains($0) }), prefix.isEmpty {
        throw CommandError.usage(
            "\(file.path): tensor \(shown(unknown)) does not exist in this model; accepted: "
                + layout.tensors.map(\.name).joined(separator: ", "))
    }
    block.markChanged()
}

/// Throws unless a file has every tensor of a layout, in its shape. Called before memory is allocated according to a
/// configuration that came with the file.
package func checkShapes(of file: SafetensorsFile, layout: TensorLayout, prefix: String = "") throws {
    for tensor in layout.tensors {
        let name = prefix + tensor.name
        guard let shape = file.shape(of: name) else {
            let names = file.names.prefix(100).map { shown($0) }.joined(separator: ", ")
            let found = file.names.isEmpty ? "no tensors" : names + (file.names.count > 100 ? ", …" : "")
            throw CommandError.usage("\(file.path): tensor \(name) is missing; found: \(found)")
        }
        guard shape == tensor.shape else {
            throw CommandError.usage(
                "\(file.path): tensor \(name) has shape \(shown("\(shape)")); accepted: \(tensor.shape), which follows "
                    + "from the configuration and the data")
        }
    }
}

/// A block's tensors with their names in a file.
package func modelTensors(of block: FloatBlock, _ layout: TensorLayout, prefix: String = "") -> [SafetensorsTensor] {
    layout.tensors.map {
        SafetensorsTensor(name: prefix + $0.name, shape: $0.shape, data: UnsafeBufferPointer(block[$0.range]))
    }
}
