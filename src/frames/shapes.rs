//! A small world to look at: flat shapes that move, as the built-in model has learnt them.
//!
//! Colours, outlines and backgrounds are those of `tools/shapes_world.py`. Lengths are in units of
//! the picture's height, y points down.

use std::f32::consts::{FRAC_1_SQRT_2, PI};
use std::time::Duration;

use num_rational::Ratio;

use super::{
    ChromaSiting, Colorimetry, Matrix, Orientation, Picture, PixelFormat, Plane, Range, Transfer,
};

/// Size of the pictures in pixels.
pub const WIDTH: u32 = 480;
pub const HEIGHT: u32 = 360;

/// How long one scene lasts; then follows the next, after the last the first.
pub const SCENE: Duration = Duration::from_secs(6);

/// Number of scenes.
pub const SCENES: usize = STORY.len();

/// One shape on a straight way over a background that brightens to one side.
struct Scene {
    name: &'static str,
    shape: Shape,
    color: [f32; 3],
    /// Half of the shape's extent.
    radius: f32,
    /// Where the shape's centre starts and arrives.
    way: [[f32; 2]; 2],
    /// The turn of the shape in radians.
    angle: f32,
    ground: [f32; 3],
    /// How much brighter the background gets over the picture's width and height.
    slope: [f32; 2],
}

#[derive(Clone, Copy)]
enum Shape {
    Star,
    Circle,
    Cross,
    Heart,
    Triangle,
    Square,
}

const STORY: [Scene; 6] = [
    Scene {
        name: "red star",
        shape: Shape::Star,
        color: [0.86, 0.11, 0.13],
        radius: 0.27,
        way: [[0.48, 0.42], [0.86, 0.58]],
        angle: 0.1,
        ground: [0.45, 0.47, 0.44],
        slope: [0.15, 0.0],
    },
    Scene {
        name: "blue circle",
        shape: Shape::Circle,
        color: [0.12, 0.24, 0.88],
        radius: 0.27,
        way: [[0.84, 0.40], [0.50, 0.60]],
        angle: 0.0,
        ground: [0.50, 0.48, 0.47],
        slope: [0.0, 0.18],
    },
    Scene {
        name: "green cross",
        shape: Shape::Cross,
        color: [0.10, 0.60, 0.20],
        radius: 0.27,
        way: [[0.66, 0.36], [0.68, 0.64]],
        angle: -0.1,
        ground: [0.52, 0.50, 0.52],
        slope: [-0.12, 0.0],
    },
    Scene {
        name: "yellow heart",
        shape: Shape::Heart,
        color: [0.98, 0.90, 0.15],
        radius: 0.27,
        way: [[0.50, 0.58], [0.84, 0.44]],
        angle: 0.0,
        ground: [0.40, 0.42, 0.43],
        slope: [0.0, -0.15],
    },
    Scene {
        name: "white triangle",
        shape: Shape::Triangle,
        color: [0.97, 0.97, 0.97],
        radius: 0.27,
        way: [[0.84, 0.58], [0.50, 0.46]],
        angle: 0.05,
        ground: [0.38, 0.36, 0.38],
        slope: [0.10, 0.10],
    },
    Scene {
        name: "purple square",
        shape: Shape::Square,
        color: [0.50, 0.13, 0.66],
        radius: 0.27,
        way: [[0.48, 0.50], [0.86, 0.50]],
        angle: -0.05,
        ground: [0.56, 0.58, 0.55],
        slope: [0.0, 0.12],
    },
];

/// What is shown at a time: colour and shape.
pub fn scene(time: Duration) -> &'static str {
    at(time).0.name
}

/// The picture at a time: [`WIDTH`] by [`HEIGHT`] pixels of [`PixelFormat::Rgba8`].
pub fn draw(time: Duration) -> Picture {
    let (scene, progress) = at(time);
    let [from, to] = scene.way;
    let centre = [0, 1].map(|axis| from[axis] + progress * (to[axis] - from[axis]));
    let (sin, cos) = scene.angle.sin_cos();
    let unit = HEIGHT as f32;
    // No outline reaches farther than this from its centre.
    let reach = 1.2 * scene.radius;
    let mut data = Vec::with_capacity((WIDTH * HEIGHT * 4) as usize);
    for row in 0..HEIGHT {
        let y = (row as f32 + 0.5) / unit;
        for column in 0..WIDTH {
            let x = (column as f32 + 0.5) / unit;
            let lit = scene.slope[0] * (x * unit / WIDTH as f32 - 0.5) + scene.slope[1] * (y - 0.5);
            let offset = [x - centre[0], y - centre[1]];
            let cover = if offset.iter().all(|o| o.abs() < reach) {
                let [x, y] = offset.map(|o| o / scene.radius);
                let distance = scene.shape.distance(x * cos + y * sin, y * cos - x * sin);
                (0.5 - distance * scene.radius * unit).clamp(0.0, 1.0)
            } else {
                0.0
            };
            let color = [0, 1, 2].map(|channel| {
                let ground = scene.ground[channel] + lit;
                let value = ground + cover * (scene.color[channel] - ground);
                (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
            });
            data.extend(color);
            data.push(u8::MAX);
        }
    }
    Picture {
        format: PixelFormat::Rgba8,
        width: WIDTH,
        height: HEIGHT,
        data: data.into(),
        planes: vec![Plane {
            offset: 0,
            stride: 4 * WIDTH as usize,
        }],
        color: Colorimetry {
            matrix: Matrix::Bt601,
            range: Range::Full,
            transfer: Transfer::Sdr,
            siting: ChromaSiting::Center,
        },
        pixel_aspect: Ratio::ONE,
        orientation: Orientation::Upright,
    }
}

/// The scene at a time, and how much of it is over: 0..1.
fn at(time: Duration) -> (&'static Scene, f32) {
    let (length, time) = (SCENE.as_nanos(), time.as_nanos());
    let number = (time / length) as usize % SCENES;
    let progress = (time % length) as f64 / length as f64;
    (&STORY[number], progress as f32)
}

impl Shape {
    /// Signed distance, negative inside, to this shape of unit half-extent; exact next to the edges.
    fn distance(self, x: f32, y: f32) -> f32 {
        match self {
            Self::Circle => x.hypot(y) - 0.95,
            Self::Square => rectangle(x, y, 0.80, 0.80),
            Self::Cross => rectangle(x, y, 1.0, 0.30).min(rectangle(x, y, 0.30, 1.0)),
            Self::Triangle => {
                let side = 0.866 * x.abs() - 0.5 * (y + 0.15) - 0.47;
                side.max(y + 0.12 - 0.75)
            }
            Self::Heart => {
                // A square on its tip and a circle on each of its two upper sides.
                let half = 0.575;
                let y = y - 0.08;
                let (u, v) = ((x + y) * FRAC_1_SQRT_2, (y - x) * FRAC_1_SQRT_2);
                let (left, right) = ((u + half).hypot(v) - half, u.hypot(v + half) - half);
                rectangle(u, v, half, half).min(left.min(right))
            }
            Self::Star => {
                // Folded into half of one of five sectors, where one straight edge runs from the
                // tip to the inner corner.
                let (sector, tip, inner) = (PI / 5.0, 1.08, 0.45);
                let turn = x.atan2(-y).abs();
                let turn = ((turn + sector).rem_euclid(2.0 * sector) - sector).abs();
                let radius = x.hypot(y);
                let edge = (inner * sector.cos() - tip, inner * sector.sin());
                let along = edge.1 * (radius * turn.cos() - tip) - edge.0 * radius * turn.sin();
                along / edge.0.hypot(edge.1)
            }
        }
    }
}

/// Signed distance to a rectangle around the origin, of these half-extents.
fn rectangle(x: f32, y: f32, half_width: f32, half_height: f32) -> f32 {
    (x.abs() - half_width).max(y.abs() - half_height)
}
