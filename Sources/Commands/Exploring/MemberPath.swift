import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory

/// The members behind a type: `.mm.pgd`, `.comm`, `.cpus[2].name`. A pointer on the way is followed.
struct MemberPath {
  enum Step: Equatable {
    case member(String)
    case element(Int)
  }

  var steps: [Step] = []

  /// Reads `.a.b[2]->c`; the first dot may be missing. Nil for anything else.
  init?(_ text: String) {
    var rest = text.replacingArrows[...]
    if let first = rest.first, first != ".", first != "[" { rest = "." + rest }
    while let first = rest.popFirst() {
      switch first {
      case ".":
        let name = rest.prefix { $0 != "." && $0 != "[" }
        guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" })
        else { return nil }
        rest = rest.dropFirst(name.count)
        steps.append(.member(String(name)))
      case "[":
        guard let end = rest.firstIndex(of: "]"), let index = UInt64(userText: rest[..<end]),
          index < 1 << 32
        else { return nil }
        rest = rest[rest.index(after: end)...]
        steps.append(.element(Int(index)))
      default: return nil
      }
    }
  }

  /// Where a path leads.
  struct Target {
    var type: BTF.TypeID
    var address: KernelVirtualAddress
    var bits: Range<Int>?
  }

  /// Follows the path through guest memory.
  ///
  /// - Throws: `MemberPathError` inside the result for a path that the type does not have.
  func follow(
    from type: BTF.TypeID, at address: KernelVirtualAddress, _ btf: BTF, in view: MemoryView
  ) throws(ReadFault) -> Result<Target, MemberPathError> {
    var target = Target(type: type, address: address, bits: nil)
    for step in steps {
      do {
        guard target.bits == nil else {
          return .failure(MemberPathError("a bit-field has no members"))
        }
        var resolved = try btf.resolve(target.type)
        if case .ptr(let pointee) = try btf.type(resolved) {
          let pointer = try view.pointer(at: target.address)
          guard pointer.rawValue != 0 else {
            return .failure(MemberPathError("the pointer before \(step) is null"))
          }
          target = Target(type: pointee, address: pointer, bits: nil)
          resolved = try btf.resolve(pointee)
          // Of a pointer to elements the index counts from there.
          if case .element(let index) = step {
            target.address = pointer + index &* (btf.size(of: pointee) ?? 1)
            continue
          }
        }
        switch (step, try btf.type(resolved)) {
        case (.member(let name), .struct), (.member(let name), .union):
          guard let field = try btf.field(name, in: resolved) else {
            return .failure(
              MemberPathError("\(try btf.declaration(of: resolved)) has no member \(name)"))
          }
          target = Target(
            type: field.type, address: target.address + field.offset, bits: field.bits)
        case (.element(let index), .array(let element, _, let count)):
          guard index < count || count == 0 else {
            return .failure(MemberPathError("[\(index)] of an array of \(count)"))
          }
          target.address = target.address + index &* (btf.size(of: element) ?? 1)
          target.type = element
        default:
          return .failure(
            MemberPathError("\(try btf.declaration(of: target.type)) has no \(step)"))
        }
      } catch let fault as ReadFault {
        throw fault
      } catch {
        return .failure(MemberPathError("\(error)"))
      }
    }
    return .success(target)
  }
}

struct MemberPathError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

extension MemberPath.Step: CustomStringConvertible {
  var description: String {
    switch self {
    case .member(let name): "." + name
    case .element(let index): "[\(index)]"
    }
  }
}

extension String {
  fileprivate var replacingArrows: String {
    split(separator: "->", omittingEmptySubsequences: false).joined(separator: ".")
  }
}
