import GuestScopeBytes
import GuestScopeKernelBPF
import GuestScopeKernelStacks

extension KernelStack {
  /// Members of a document: the frames, and how they end.
  var json: [JSON.Member] {
    let (end, reason): (String, String?) =
      switch self.end {
      case .outermost: ("outermost", nil)
      case .none(let reason): ("none", reason)
      case .cut(let reason): ("cut", reason)
      }
    return [
      .init(key: "frames", value: .array([JSON](frames, Frame.fields))),
      .init(key: "end", value: .string(end)), .init(key: "reason", value: JSON(reason)),
    ]
  }

  /// A line a frame, with the name of a stack where the frames go over to another one, as the kernel
  /// writes it in an oops.
  var lines: [String] {
    var lines: [String] = []
    var area: StackArea.Kind? = .task
    for frame in frames {
      if frame.area != area, let kind = frame.area { lines.append("  <\(kind.rawValue)>") }
      area = frame.area
      lines.append("  " + frame.text)
    }
    if case .cut(let reason) = end { lines.append("  (cut: \(reason))") }
    return lines
  }

  /// Why there is no stack, or a part of it is missing.
  var reason: String? {
    switch end {
    case .outermost: nil
    case .none(let reason), .cut(let reason): reason
    }
  }
}

extension KernelStack.Frame {
  static let fields: [Field<KernelStack.Frame>] = [
    Field("address") { .string($0.address.hex) },
    Field("symbol") { JSON($0.function?.name) },
    Field("offset") { JSON($0.function?.offset) },
    Field("module") { JSON($0.function?.module) },
    Field("reliable") { .bool($0.isReliable) },
    Field("stack") { JSON($0.area?.rawValue) },
    Field("source") { $0.source?.json ?? .null },
  ]

  /// As the kernel writes it, with a question mark before one that is in doubt.
  var text: String {
    (isReliable ? "" : "? ") + (function?.text ?? address.hex)
      + (source.map { "  " + $0.place } ?? "")
  }
}

extension KernelStack.Function {
  var text: String { "\(name)+\(offset.hex)" + (module.map { " [\($0)]" } ?? "") }
}

extension SourceLine {
  fileprivate var json: JSON {
    [
      "file": JSON(file), "line": JSON(line), "column": JSON(column), "text": JSON(text),
    ]
  }

  /// `code.bpf.c:31: return 0;`
  fileprivate var place: String {
    let name = file.map { String($0.split(separator: "/").last ?? "") } ?? ""
    return "\(name):\(line): \(text ?? "")"
  }
}
