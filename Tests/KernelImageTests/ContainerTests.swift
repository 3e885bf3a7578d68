import KernelImage
import Testing

@Test func anythingElseIsNoKernel() {
  #expect(throws: KernelImageError(name: "x", reason: .notAKernel)) {
    try KernelImage(bytes: [1, 2, 3], name: "x")
  }
}
