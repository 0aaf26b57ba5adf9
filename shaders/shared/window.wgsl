// From HU to grey, DICOM PS3.3 C.11.2.1.3.2 (LINEAR_EXACT).
struct Window {
    low_hu: f32,
    high_hu: f32,
    // 1: dense is black.
    invert: f32,
    // 1: the target stores linear light (an sRGB format) and encodes by itself.
    linear_target: f32,
}

fn grey_of(hu: f32, window: Window) -> f32 {
    let share = clamp((hu - window.low_hu) / max(window.high_hu - window.low_hu, 1.0), 0.0, 1.0);
    return select(share, 1.0 - share, window.invert > 0.5);
}
