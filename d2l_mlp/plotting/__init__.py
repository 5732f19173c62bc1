"""From numbers to pictures: the figures of the chapter, and those of a trained net."""
